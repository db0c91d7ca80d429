#include "gan/figures.h"

#include "gan/c_locale.h"

gan_row gan_digit_row(const gan_digit_figures *f, double frechet_real) {
  if (!f) return ag_fail_null("gan_digit_row", "figures"), (gan_row){0};
  return (gan_row){
      7,
      {"samples", "frechet", "frechet_real", "digits", "rarest", "entropy", "confidence"},
      {(double)f->count, f->frechet, frechet_real, f->covered, f->rarest, f->entropy, f->confidence},
  };
}

gan_row gan_mixture_row(const gan_mixture_figures *f, int64_t samples) {
  if (!f) return ag_fail_null("gan_mixture_row", "figures"), (gan_row){0};
  return (gan_row){
      6,
      {"samples", "modes", "high_quality", "reverse_kl", "narrowest", "widest"},
      {(double)samples, f->modes, f->high_quality, f->reverse_kl, f->narrowest, f->widest},
  };
}

void gan_row_write_names(FILE *stream, const gan_row *row) {
  if (!stream || !row) ag_fail_null("gan_row_write_names", "stream or row");
  for (size_t i = 0; stream && row && i < row->count; i++) fprintf(stream, "%s%s", i ? "," : "", row->names[i]);
}

void gan_row_write(FILE *stream, const gan_row *row) {
  if (!stream || !row) ag_fail_null("gan_row_write", "stream or row");
  locale_t before = gan_c_locale_enter();
  for (size_t i = 0; stream && row && i < row->count; i++) fprintf(stream, "%s%.6g", i ? "," : "", row->values[i]);
  gan_c_locale_leave(before);
}
