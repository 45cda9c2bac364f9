#include "inputs.hpp"

#include <ATen/ATen.h>

#include <fstream>
#include <stdexcept>

#define STB_IMAGE_IMPLEMENTATION
#include <stb/stb_image.h>

nlohmann::json read_json(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error(path + ": no such file");
  try {
    return nlohmann::json::parse(file);
  } catch (const nlohmann::json::exception& error) {
    throw std::runtime_error(path + ": no JSON that can be read (" + error.what() + ")");
  }
}

Grid read_grid(const nlohmann::json& grid) {
  Grid found{};
  found.voxel_size = grid.at("voxel_size");
  for (int k = 0; k < 3; ++k) {
    found.origin[k] = grid.at("origin").at(k);
    found.shape[k] = grid.at("shape").at(k);
  }
  return found;
}

at::Tensor read_images(const std::vector<std::string>& paths, int64_t size) {
  std::vector<at::Tensor> images;
  for (const auto& path : paths) {
    int width = 0, height = 0, channels = 0;
    unsigned char* pixels = stbi_load(path.c_str(), &width, &height, &channels, 3);
    if (pixels == nullptr) {
      throw std::runtime_error(path + ": not an image that can be read (" + stbi_failure_reason() + "); give a PNG or JPEG file");
    }
    if (width != size || height != size) {
      stbi_image_free(pixels);
      const std::string own = std::to_string(width) + " x " + std::to_string(height);
      throw std::runtime_error(path + ": " + own + " pixels, the network takes " + std::to_string(size) + " x " +
                               std::to_string(size) + "; crop and scale it first");
    }
    images.push_back(at::from_blob(pixels, {size, size, 3}, at::kByte).permute({2, 0, 1}).to(at::kFloat) / 255.0);
    stbi_image_free(pixels);
  }
  return at::stack(images).unsqueeze(0).contiguous();
}

namespace {

at::Tensor matrix(const nlohmann::json& rows, int64_t count, int64_t columns) {
  at::Tensor found = at::zeros({count, columns}, at::kDouble);
  for (int64_t row = 0; row < count; ++row) {
    for (int64_t column = 0; column < columns; ++column) found[row][column] = rows.at(row).at(column).get<double>();
  }
  return found;
}

}  // namespace

Cameras read_cameras(const std::string& path, int64_t views, int64_t size, const Grid& grid) {
  const nlohmann::json body = read_json(path);
  try {
    const nlohmann::json& cameras = body.at("cameras");
    if (body.contains("grid") && !body.at("grid").is_null() && read_grid(body.at("grid")) != grid) {
      throw std::runtime_error(path + ": another grid than the package's, which is compiled in; use `scenetrain predict`");
    }
    if (static_cast<int64_t>(cameras.size()) != views) {
      throw std::runtime_error(path + ": " + std::to_string(cameras.size()) + " cameras for " + std::to_string(views) + " images");
    }
    std::vector<at::Tensor> intrinsics, poses;
    for (const auto& camera : cameras) {
      at::Tensor K = matrix(camera.at("K"), 3, 3);
      K[0] *= static_cast<double>(size) / camera.value("width", static_cast<double>(size));
      K[1] *= static_cast<double>(size) / camera.value("height", static_cast<double>(size));
      intrinsics.push_back(K);
      poses.push_back(matrix(camera.at("world_to_camera"), 4, 4));
    }
    return {at::stack(intrinsics).unsqueeze(0).to(at::kFloat), at::stack(poses).unsqueeze(0).to(at::kFloat)};
  } catch (const nlohmann::json::exception& error) {
    throw std::runtime_error(path + ": no cameras that can be read (" + error.what() + "); give a scene.json, or " +
                             "{\"cameras\": [{\"K\", \"world_to_camera\"}, ...]}");
  }
}
