#include "gan/scatter.h"
bool gan_picture_scatter(gan_picture *picture, const ag_tensor *real, const ag_tensor *generated, double extent) {
  enum { SIDE = 400 };
  *picture = (gan_picture){SIDE, SIDE, ag_allocate(SIDE, SIDE)};
  if (!picture->pixels) return false;
  for (int k = 0; k < 2; k++) {
    const ag_tensor *t = k ? generated : real;
    for (size_t i = 0; i < ag_size(t) / 2; i++) {
      int x = (int)((ag_data(t)[2 * i] / extent + 1) * SIDE / 2), y = (int)((ag_data(t)[2 * i + 1] / extent + 1) * SIDE / 2);
      if (x >= 0 && x < SIDE && y >= 0 && y < SIDE) picture->pixels[y * SIDE + x] = k ? 255 : 90;
    }
  }
  return true;
}
