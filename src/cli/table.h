#pragma once

#include <string>
#include <vector>

namespace millrace::cli {

/// Rows under a header, in columns that fit `width` where they can: the widest column gives way first. Cells are
/// escaped. Lines end with '\n', without trailing spaces. REQUIRES: every row is as long as `header`
std::string FormatTable(const std::vector<std::string>& header, const std::vector<std::vector<std::string>>& rows,
                        size_t width);

}  // namespace millrace::cli
