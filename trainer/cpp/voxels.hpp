// What is written: arrays as .npy files, and the surface of labelled voxels as a GLB.
#pragma once

#include <ATen/Tensor.h>

#include <string>
#include <vector>

#include "inputs.hpp"

struct ClassLook {
  std::string name;
  float color[3];  // linear, 0 to 1
};

// A tensor of bool, uint8 or float32 as numpy's format 1.0.
void write_npy(const std::string& path, const at::Tensor& values);

// The surface of every class of masks, bool (X, Y, Z, C): one mesh a class, metres, glTF's axes (Y up).
void write_glb(const std::string& path, const at::Tensor& masks, const Grid& grid, const std::vector<ClassLook>& classes);
