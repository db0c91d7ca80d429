#include "autograd/tensor_private.h"

/* Of an axis longer than this only both ends are printed. */
enum { LONG_AXIS = 8, ENDS = 3 };

static void print_axis(const ag_real *values, ag_shape shape, int axis, size_t stride, FILE *file) {
  if (axis == shape.rank) {
    fprintf(file, "%g", (double)values[0]);
    return;
  }
  int64_t size = shape.sizes[axis];
  stride = size ? stride / (size_t)size : 0;
  fputc('[', file);
  for (int64_t i = 0; i < size; i++) {
    if (i) fprintf(file, axis == shape.rank - 1 ? ", " : ",\n%*s", axis + 1, "");
    if (i == ENDS && size > LONG_AXIS) {
      fprintf(file, "..., ");
      i = size - ENDS;
    }
    print_axis(values + (size_t)i * stride, shape, axis + 1, stride, file);
  }
  fputc(']', file);
}

void ag_print(const ag_tensor *tensor, FILE *file) {
  const ag_real *values = ag_read(tensor, "print");
  if (!file) ag_fail_null("print", "file");
  if (!values || !file) return;
  ag_shape shape = ag_shape_of(tensor);
  fprintf(file, "tensor %s\n", ag_shape_print(shape).text);
  print_axis(values, shape, 0, ag_size(tensor), file);
  fputc('\n', file);
}
