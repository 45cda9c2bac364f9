#include "voxels.hpp"

#include <ATen/ATen.h>
#include <nlohmann/json.hpp>

#include <array>
#include <cstdint>
#include <fstream>
#include <map>
#include <stdexcept>

namespace {

void write_file(const std::string& path, const std::string& content) {
  std::ofstream file(path, std::ios::binary);
  file.write(content.data(), static_cast<std::streamsize>(content.size()));
  file.close();
  if (!file) throw std::runtime_error(path + ": cannot be written");
}

void append(std::string& to, uint32_t number) { to.append(reinterpret_cast<const char*>(&number), 4); }

std::string padded(std::string text, char with) {
  text.resize((text.size() + 3) / 4 * 4, with);
  return text;
}

struct Surface {
  std::vector<std::array<float, 3>> corners;
  std::vector<uint32_t> index;
};

// The faces between a mask's voxels and all else, counter-clockwise as seen from outside.
Surface surface_of(const at::Tensor& mask, const Grid& grid) {
  const auto cells = mask.contiguous();
  const auto* inside = cells.data_ptr<bool>();
  const int64_t* shape = grid.shape;
  const auto is_inside = [&](const std::array<int64_t, 3>& cell) {
    for (int k = 0; k < 3; ++k) {
      if (cell[k] < 0 || cell[k] >= shape[k]) return false;
    }
    return inside[(cell[0] * shape[1] + cell[1]) * shape[2] + cell[2]];
  };
  Surface found;
  std::map<std::array<int64_t, 3>, uint32_t> known;
  const auto number_of = [&](const std::array<int64_t, 3>& corner) {
    const auto [place, is_new] = known.try_emplace(corner, static_cast<uint32_t>(known.size()));
    if (is_new) {
      float metres[3];
      for (int k = 0; k < 3; ++k) metres[k] = static_cast<float>(grid.origin[k] + grid.voxel_size * corner[k]);
      found.corners.push_back({metres[0], metres[2], -metres[1]});
    }
    return place->second;
  };
  std::array<int64_t, 3> cell{};
  for (cell[0] = 0; cell[0] < shape[0]; ++cell[0]) {
    for (cell[1] = 0; cell[1] < shape[1]; ++cell[1]) {
      for (cell[2] = 0; cell[2] < shape[2]; ++cell[2]) {
        if (!is_inside(cell)) continue;
        for (int axis = 0; axis < 3; ++axis) {
          for (int side = 0; side < 2; ++side) {
            auto beside = cell;
            beside[axis] += side ? 1 : -1;
            if (is_inside(beside)) continue;
            const int u = (axis + 1) % 3, v = (axis + 2) % 3;
            std::array<std::array<int64_t, 3>, 4> ring{cell, cell, cell, cell};
            for (auto& corner : ring) corner[axis] += side;
            ring[1][u] += 1;
            ring[2][u] += 1;
            ring[2][v] += 1;
            ring[3][v] += 1;
            if (side == 0) std::swap(ring[1], ring[3]);
            uint32_t n[4];
            for (int k = 0; k < 4; ++k) n[k] = number_of(ring[k]);
            found.index.insert(found.index.end(), {n[0], n[1], n[2], n[0], n[2], n[3]});
          }
        }
      }
    }
  }
  return found;
}

}  // namespace

void write_npy(const std::string& path, const at::Tensor& values) {
  const auto own = values.contiguous();
  const char* kind = own.scalar_type() == at::kBool ? "|b1" : own.scalar_type() == at::kByte ? "|u1" : "<f4";
  std::string shape;
  for (const auto size : own.sizes()) shape += std::to_string(size) + ", ";
  std::string header = std::string("{'descr': '") + kind + "', 'fortran_order': False, 'shape': (" + shape + "), }";
  header.resize((10 + header.size() + 1 + 63) / 64 * 64 - 10 - 1, ' ');
  header += '\n';
  std::string content("\x93NUMPY\x01\x00", 8);
  const auto length = static_cast<uint16_t>(header.size());
  content.append(reinterpret_cast<const char*>(&length), 2);
  content += header;
  content.append(static_cast<const char*>(own.data_ptr()), own.nbytes());
  write_file(path, content);
}

void write_glb(const std::string& path, const at::Tensor& masks, const Grid& grid, const std::vector<ClassLook>& classes) {
  using nlohmann::json;
  json gltf = {{"asset", {{"version", "2.0"}, {"generator", "scenegen label_scene"}}},
               {"scene", 0},
               {"scenes", json::array({{{"nodes", json::array()}}})},
               {"nodes", json::array()}};
  std::string binary;
  const auto view = [&](const void* data, size_t bytes, int target) {
    gltf["bufferViews"].push_back({{"buffer", 0}, {"byteOffset", binary.size()}, {"byteLength", bytes}, {"target", target}});
    binary.append(static_cast<const char*>(data), bytes);
    return gltf["bufferViews"].size() - 1;
  };
  for (size_t number = 0; number < classes.size(); ++number) {
    const Surface surface = surface_of(masks.select(3, static_cast<int64_t>(number)), grid);
    if (surface.index.empty()) continue;
    auto low = surface.corners.front(), high = low;
    for (const auto& corner : surface.corners) {
      for (int k = 0; k < 3; ++k) {
        low[k] = std::min(low[k], corner[k]);
        high[k] = std::max(high[k], corner[k]);
      }
    }
    const auto corners = view(surface.corners.data(), surface.corners.size() * 12, 34962);
    const auto index = view(surface.index.data(), surface.index.size() * 4, 34963);
    gltf["accessors"].push_back({{"bufferView", corners}, {"componentType", 5126}, {"count", surface.corners.size()},
                                 {"type", "VEC3"}, {"min", low}, {"max", high}});
    gltf["accessors"].push_back(
        {{"bufferView", index}, {"componentType", 5125}, {"count", surface.index.size()}, {"type", "SCALAR"}});
    const auto& look = classes[number];
    gltf["materials"].push_back(
        {{"name", look.name},
         {"pbrMetallicRoughness",
          {{"baseColorFactor", {look.color[0], look.color[1], look.color[2], 1.0}}, {"metallicFactor", 0.0}}}});
    const auto accessors = gltf["accessors"].size();
    gltf["meshes"].push_back({{"name", look.name},
                              {"primitives", json::array({{{"attributes", {{"POSITION", accessors - 2}}},
                                                           {"indices", accessors - 1},
                                                           {"material", gltf["materials"].size() - 1}}})}});
    gltf["nodes"].push_back({{"name", look.name}, {"mesh", gltf["meshes"].size() - 1}});
    gltf["scenes"][0]["nodes"].push_back(gltf["nodes"].size() - 1);
  }
  if (gltf["nodes"].empty()) {  // empty lists are no valid glTF
    gltf.erase("nodes");
    gltf["scenes"][0].erase("nodes");
  }
  if (!binary.empty()) gltf["buffers"] = json::array({{{"byteLength", binary.size()}}});
  const std::string text = padded(gltf.dump(), ' '), data = padded(binary, '\0');
  std::string content = "glTF";
  append(content, 2);
  append(content, static_cast<uint32_t>(12 + 8 + text.size() + (data.empty() ? 0 : 8 + data.size())));
  append(content, static_cast<uint32_t>(text.size()));
  content += "JSON" + text;
  if (!data.empty()) {
    append(content, static_cast<uint32_t>(data.size()));
    content += std::string("BIN\0", 4) + data;
  }
  write_file(path, content);
}
