#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "gan/command.h"

typedef struct {
  const char *data, *out;
  int64_t threads;
  ag_precision precision;
  bool precise, seeded;   /* whether a precision and a seed were given */
  bool stopped;           /* by a signal, before the last step */
  const gan_model *model; /* NULL: none was given; laid over it: */
  const gan_loss *loss;
  int64_t batch, critic_steps, pack, minutes;
  bool conditional, decay;
  double average, learning_rate;
  gan_training training;
} train_options;

static const char usual_data[] = "data/mnist";

static void print_help(void) {
  printf(
      "usage: mnist-gan train [OPTIONS]\n\n"
      "Trains a model and fills a run folder: samples/epoch-0001.png ..., training.gif, metrics.csv,\n"
      "checkpoint.safetensors and report.html, which shows it all.\n\n"
      "  --model NAME       which model (%s); mnist-gan models lists them\n"
      "  --data DIR         the folder with the IDX files, plain or gzipped (data/mnist)\n"
      "  --epochs N         how many times through the images (the model's own number)\n"
      "  --steps N          ends after N steps in all, whatever the epochs\n"
      "  --batch N          samples a step (the model's own number)\n"
      "  --limit N          uses only the first N images\n"
      "  --seed S           the same seed gives the same run (1)\n"
      "  --threads N        threads to compute with (as many as the CPU has); the run does not depend on it\n"
      "  --precision NAME   of products: highest (float), high (near float), medium (bfloat16) (high)\n"
      "  --out DIR          the run folder; a run that it already holds is replaced (runs/MODEL)\n"
      "  --resume           goes on with the run of --out where it stopped, with its own options; what may be given\n"
      "                     anew are --epochs, --steps, --data, --threads, --precision, --evaluate, and\n"
      "                     --checkpoint-minutes, which is 10 again where it is not given\n"
      "  --checkpoint-minutes N   how often the state is saved within an epoch (10)\n"
      "  --evaluate         judges each epoch's samples, as mnist-gan evaluate does (evaluation.csv)\n\n"
      "Variations of a model:\n"
      "  --conditional      both networks are told the digit; mnist-gan sample --digit then asks for one\n"
      "  --loss NAME        what is minimised:",
      gan_models[0]->name);
  for (const gan_loss *const *loss = gan_losses; *loss; loss++) printf(" %s%s", (*loss)->name, loss[1] ? "," : "\n");
  puts(
      "  --learning-rate R  of both networks (the model's own)\n"
      "  --decay            both learning rates fall to 0 over the run: linearly, but for ring and grid, which have\n"
      "                     a way of their own\n"
      "  --critic-steps K   alternately K steps of the discriminator and one of the generator\n"
      "  --pack M           the discriminator judges M samples together (PacGAN)\n"
      "  --average DECAY    samples come from a moving average of the generator's weights, such as 0.999");
}

static bool read_precision(const char *text, ag_precision *precision) {
  if (gan_precision_find(text, precision)) return true;
  fprintf(stderr, "mnist-gan: --precision is '%s', expected highest, high or medium\n", text);
  return false;
}

static bool read_option(int letter, train_options *options) {
  gan_training *training = &options->training;
  switch (letter) {
    case 'm': return (options->model = read_model(optarg)) != NULL;
    case 'd': return options->data = optarg, true;
    case 'e': return read_number("--epochs", optarg, 1, INT32_MAX, &training->epochs);
    case 'n': return read_number("--steps", optarg, 1, INT64_MAX, &training->steps);
    case 'b': return read_number("--batch", optarg, 1, INT32_MAX, &options->batch);
    case 'l': return read_number("--limit", optarg, 1, INT64_MAX, &training->limit);
    case 's': return options->seeded = read_seed(optarg, &training->seed);
    case 't': return read_number("--threads", optarg, 1, 1024, &options->threads);
    case 'p': return options->precise = read_precision(optarg, &options->precision);
    case 'o': return options->out = optarg, true;
    case 'v': return training->evaluate = true;
    case 'u': return training->resume = true;
    case 'i': return read_number("--checkpoint-minutes", optarg, 1, 1000000, &options->minutes);
    case 'c': return options->conditional = true;
    case 'w': return (options->loss = read_loss(optarg)) != NULL;
    case 'k': return read_number("--critic-steps", optarg, 1, 1000, &options->critic_steps);
    case 'g': return read_number("--pack", optarg, 1, 64, &options->pack);
    case 'r': return read_share("--learning-rate", optarg, &options->learning_rate);
    case 'y': return options->decay = true;
    case 'a': return read_share("--average", optarg, &options->average);
    default: return false;
  }
}

/* False once told on stderr what does not fit. */
static bool lay_over(const train_options *options, gan_model *model) {
  *model = *options->model;
  if (options->loss) model->loss = options->loss;
  if (options->batch) model->batch = options->batch;
  if (options->pack) model->pack = options->pack;
  if (options->average > 0) model->average = options->average;
  if (options->learning_rate > 0) model->learning_rate = options->learning_rate;
  if (options->decay && !model->decay) model->decay = 1;
  if (options->critic_steps) {
    model->critic_steps = options->critic_steps;
    model->step = gan_alternating_step;
  }
  if (!options->conditional) return true;
  model->classes = GAN_DIGITS;
  if (!model->mixture) return true;
  fprintf(stderr, "mnist-gan: --conditional needs a model of digits; the points of %s have no labels\n", model->name);
  return false;
}

static void set_up(const train_options *options) {
  ag_set_threads((int)options->threads);
  ag_set_precision(options->precision);
  if (!ag_precision_available(options->precision))
    printf("Precision %s is not available here; products are computed at precision highest.\n",
           gan_precision_name(options->precision));
}

/* Whom digits are shown to, and what he says of real ones. */
static bool make_judge(train_options *options, const gan_images *train, gan_judge *judge) {
  gan_images test = {0};
  gan_digit_figures real;
  ag_scope *scope = ag_scope_enter();
  bool made = open_judge(judge, options->data, train, &test) &&
              gan_evaluate_digits(judge, gan_pixels_spread(&test, GAN_JUDGED_DIGITS), &real);
  ag_scope_leave(scope);
  gan_images_free(&test);
  if (!made) return false;
  options->training.judge = judge;
  options->training.frechet_real = real.frechet;
  return true;
}

static volatile sig_atomic_t stop_signal;

/* The first signal ends training after the step that runs, with a checkpoint; a second one at once. */
static void ask_to_stop(int number) {
  stop_signal = number;
  signal(SIGINT, SIG_DFL);
  signal(SIGTERM, SIG_DFL);
}

static void heed_signals(void) {
  struct sigaction action = {.sa_handler = ask_to_stop, .sa_flags = SA_RESTART};
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
}

static bool train_on(train_options *options, const gan_images *images) {
  gan_training *training = &options->training;
  gan_judge judge = {0};
  bool digits = !training->model->mixture;
  if (digits && training->evaluate && !make_judge(options, images, &judge)) return gan_judge_free(&judge), false;
  progress_display display = progress_start();
  training->images = images;
  training->folder = options->out;
  training->checkpoint_minutes = (double)options->minutes;
  training->stop = &stop_signal;
  training->progress = progress_show;
  training->note = progress_note;
  training->context = &display;
  heed_signals();
  bool trained = gan_train(training);
  options->stopped = stop_signal && display.steps_left > 0;
  if (display.terminal && display.unfinished) putchar('\n'); /* the bar stands there */
  gan_judge_free(&judge);
  return trained;
}

static bool train(train_options *options) {
  gan_images images = {0};
  if (!options->training.model->mixture && !gan_images_load(&images, options->data, "train")) return false;
  bool trained = train_on(options, &images);
  gan_images_free(&images);
  return trained;
}

/* What is not given anew is as the run has it; what differs and must not, gan_train refuses. */
static bool take_over(train_options *options, gan_model *recorded) {
  gan_training *training = &options->training;
  gan_position at;
  ag_precision precision = AG_HIGH;
  if (!gan_run_read(options->out, recorded, &at, &precision)) return false;
  if (options->model && strcmp(options->model->name, recorded->name) != 0)
    return ag_fail(AG_ERROR_ARGUMENT, "%s: its run has model %s, expected %s", options->out, recorded->name,
                   options->model->name);
  options->model = recorded;
  if (!options->seeded) training->seed = at.seed;
  if (!options->precise) options->precision = precision;
  if (!training->limit) training->limit = at.images;
  if (!training->epochs && !training->steps) training->steps = at.steps;
  training->evaluate |= at.evaluate;
  return true;
}

int command_train(int argc, char **argv) {
  static const struct option table[] = {
      {"model", required_argument, NULL, 'm'},        {"data", required_argument, NULL, 'd'},
      {"epochs", required_argument, NULL, 'e'},       {"steps", required_argument, NULL, 'n'},
      {"batch", required_argument, NULL, 'b'},        {"limit", required_argument, NULL, 'l'},
      {"seed", required_argument, NULL, 's'},         {"threads", required_argument, NULL, 't'},
      {"precision", required_argument, NULL, 'p'},    {"out", required_argument, NULL, 'o'},
      {"evaluate", no_argument, NULL, 'v'},           {"conditional", no_argument, NULL, 'c'},
      {"loss", required_argument, NULL, 'w'},         {"learning-rate", required_argument, NULL, 'r'},
      {"critic-steps", required_argument, NULL, 'k'}, {"pack", required_argument, NULL, 'g'},
      {"average", required_argument, NULL, 'a'},      {"resume", no_argument, NULL, 'u'},
      {"decay", no_argument, NULL, 'y'},              {"checkpoint-minutes", required_argument, NULL, 'i'},
      HELP_OPTION,
  };
  train_options options = {.data = usual_data, .precision = AG_HIGH, .minutes = 10, .training = {.seed = 1}};
  for (int letter; (letter = next_option(argc, argv, table)) != OPTION_END;) {
    if (letter == OPTION_HELP) return print_help(), EXIT_DONE;
    if (!read_option(letter, &options)) return EXIT_USAGE;
  }
  char out[256];
  snprintf(out, sizeof out, "runs/%s", (options.model ? options.model : gan_models[0])->name);
  if (!options.out) options.out = out;
  gan_model recorded, model;
  if (options.training.resume && !take_over(&options, &recorded)) return report_error();
  if (!options.model) options.model = gan_models[0];
  if (!lay_over(&options, &model)) return EXIT_USAGE;
  options.training.model = &model;
  set_up(&options);
  if (!gan_step_fits(model.step, model.loss, model.batch, model.pack) || !train(&options)) return report_error();
  if (options.stopped) {
    bool elsewhere = strcmp(options.data, usual_data) != 0;
    printf("%s: stopped; mnist-gan train --resume --out %s%s%s goes on\n", options.out, options.out,
           elsewhere ? " --data " : "", elsewhere ? options.data : "");
    return EXIT_SIGNAL + stop_signal;
  }
  printf("%s: samples/, training.gif, metrics.csv, checkpoint.safetensors, report.html\n", options.out);
  return EXIT_DONE;
}
