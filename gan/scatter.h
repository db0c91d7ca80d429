#pragma once
#include "gan/picture.h"
bool gan_picture_scatter(gan_picture *picture, const ag_tensor *real, const ag_tensor *generated, double extent);
