// What a network reads: images, and where their cameras see its grid.
#pragma once

#include <ATen/Tensor.h>
#include <nlohmann/json.hpp>

#include <string>
#include <vector>

struct Grid {
  double origin[3];
  double voxel_size;
  int64_t shape[3];

  bool operator==(const Grid&) const = default;
};

// Throws std::runtime_error with one line for a file that cannot be read.
nlohmann::json read_json(const std::string& path);

Grid read_grid(const nlohmann::json& grid);

// float32 (1, V, 3, size, size), RGB in [0, 1]. Images must have this size: resampling would have to be Python's own.
at::Tensor read_images(const std::vector<std::string>& paths, int64_t size);

struct Cameras {
  at::Tensor K;                // float32 (1, V, 3, 3), pixels of images of the network's size
  at::Tensor world_to_camera;  // float32 (1, V, 4, 4), metres, OpenCV's axes
};

// `path` is a scene.json of scenegen, or {"cameras": [{"K", "world_to_camera"}, ...]} in the images' order, as for
// `scenetrain predict`. K is in pixels of the image, or of one of "width" x "height". A "grid" must be the package's.
Cameras read_cameras(const std::string& path, int64_t views, int64_t size, const Grid& grid);
