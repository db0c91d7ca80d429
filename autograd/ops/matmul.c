/* Products of matrices, with transposes by stride and leading axes that broadcast. */
#include "autograd/memory.h"
#include "autograd/ops/common.h"

/* Which operands are transposed. */
typedef struct {
  bool a, b;
} transposes;

/* The axes in front of the matrix. */
static ag_shape leading(ag_shape shape) {
  shape.rank -= 2;
  return shape;
}

/* The slots of the operands that meet in each output matrix: one pair each. */
static bool make_pairs(ag_shape batch, ag_shape a, ag_shape b, size_t *start, kernel_pair *pairs) {
  kernel_grid grid = ag_grid(batch);
  ag_grid_lay(&grid, 0, a);
  ag_grid_lay(&grid, 1, b);
  size_t slots = ag_shape_size(batch);
  if (slots > UINT32_MAX) return ag_fail(AG_ERROR_SHAPE, "matmul: %zu matrices are too many", slots);
  for (size_t slot = 0; slot < slots; slot++) {
    size_t rest = slot;
    ptrdiff_t at[2] = {0, 0};
    for (int axis = grid.rank - 1; axis >= 0; axis--) {
      ptrdiff_t index = (ptrdiff_t)(rest % grid.sizes[axis]);
      rest /= grid.sizes[axis];
      for (int i = 0; i < 2; i++) at[i] += index * grid.strides[i][axis];
    }
    start[slot + 1] = slot + 1;
    pairs[slot] = (kernel_pair){(uint32_t)at[0], (uint32_t)at[1]};
  }
  return true;
}

/* out[slot] is [rows, columns] = a [rows, depth] times b [depth, columns], before transposes. */
static bool multiply(const ag_node *node, ag_shape out, size_t depth, ag_real *values) {
  const transposes transposed = *(const transposes *)node->attributes;
  ag_tensor *a = node->inputs[0], *b = node->inputs[1];
  size_t rows = (size_t)out.sizes[out.rank - 2], columns = (size_t)out.sizes[out.rank - 1];
  ag_shape batch = leading(out), batch_a = leading(ag_shape_of(a)), batch_b = leading(ag_shape_of(b));
  size_t slots = ag_shape_size(batch);
  ag_kernel_operand left = {ag_data(a), ag_shape_size(batch_a), (ptrdiff_t)(rows * depth),
                            transposed.a ? 1 : (ptrdiff_t)depth, transposed.a ? (ptrdiff_t)rows : 1};
  ag_kernel_operand right = {ag_data(b), ag_shape_size(batch_b), (ptrdiff_t)(depth * columns),
                             transposed.b ? (ptrdiff_t)depth : 1, transposed.b ? 1 : (ptrdiff_t)columns};
  size_t *start = ag_allocate(slots + 1, sizeof *start);
  kernel_pair *pairs = ag_allocate(slots, sizeof *pairs);
  ag_kernel_product product = {ag_arithmetic(node->precision), {slots, start, pairs}, left, right, rows, columns, depth,
                               values, rows * columns, columns};
  size_t bytes = ag_kernels()->products_workspace(&product);
  void *workspace = ag_pool_take(bytes);
  bool done = start && pairs && workspace && make_pairs(batch, batch_a, batch_b, start, pairs);
  if (done) ag_kernels()->products(&product, workspace);
  ag_pool_give(workspace, bytes);
  ag_free(pairs);
  ag_free(start);
  return done;
}

static ag_tensor *matmul_forward(ag_node *node) {
  const transposes *transposed = node->attributes;
  ag_tensor *a = node->inputs[0], *b = node->inputs[1];
  ag_shape m = ag_shape_of(a), n = ag_shape_of(b), out;
  bool fit = m.rank >= 2 && n.rank >= 2 && ag_broadcast_shapes(leading(m), leading(n), &out);
  int64_t depth = fit ? m.sizes[m.rank - (transposed->a ? 2 : 1)] : 0;
  if (!fit || depth != n.sizes[n.rank - (transposed->b ? 1 : 2)])
    return ag_fail(AG_ERROR_SHAPE, "matmul: shapes %s%s and %s%s, but [..., m, k] and [..., k, n] are expected",
                   ag_shape_print(m).text, transposed->a ? " transposed" : "", ag_shape_print(n).text,
                   transposed->b ? " transposed" : "");
  out.sizes[out.rank++] = m.sizes[m.rank - (transposed->a ? 1 : 2)];
  out.sizes[out.rank++] = n.sizes[n.rank - (transposed->b ? 2 : 1)];
  ag_real *values;
  ag_tensor *output = ag_make(out, &values);
  if (!output || ag_size(output) == 0) return output; /* there may be many matrices, each empty */
  return multiply(node, out, (size_t)depth, values) ? output : NULL;
}

/* With A and B the operands after transposing, dA = G B' and dB = A' G; where one was transposed it is dA' or dB'. */
static ag_tensor *matmul_vjp(ag_node *node, int input, ag_tensor *cotangent) {
  const transposes *transposed = node->attributes;
  ag_tensor *a = node->inputs[0], *b = node->inputs[1];
  if (input == 0) {
    return transposed->a ? ag_matmul_transposed(b, transposed->b, cotangent, true)
                         : ag_matmul_transposed(cotangent, false, b, !transposed->b);
  }
  return transposed->b ? ag_matmul_transposed(cotangent, true, a, transposed->a)
                       : ag_matmul_transposed(a, !transposed->a, cotangent, false);
}

static const ag_op matmul_op = {
    .name = "matmul", .forward = matmul_forward, .vjp = matmul_vjp, .drops = AG_DROP_OUTPUT};
ag_tensor *ag_matmul_transposed(ag_tensor *a, bool transpose_a, ag_tensor *b, bool transpose_b) {
  return ag_apply(&matmul_op, AG_INPUTS(a, b), &(transposes){transpose_a, transpose_b}, sizeof(transposes));
}
ag_tensor *ag_matmul(ag_tensor *a, ag_tensor *b) { return ag_matmul_transposed(a, false, b, false); }
