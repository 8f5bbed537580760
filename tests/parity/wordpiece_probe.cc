// Tokens of texts, for wordpiece_parity.py: reads `<bytes>\n<text>` again and again from standard input, answers each
// with a line of `id:begin:end` separated by spaces. With --time it answers nothing and prints seconds and tokens at
// the end.

#include <chrono>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <string_view>

#include "embed/wordpiece.h"

int main(int argc, char** argv) {
  if (argc < 2 || argc > 3) {
    std::cerr << "usage: wordpiece_probe vocab.txt [--time] < texts\n";
    return 2;
  }
  std::ifstream vocabulary(argv[1], std::ios::binary);
  auto tokenizer = millrace::embed::WordPiece::Create({std::istreambuf_iterator<char>(vocabulary), {}});
  if (!tokenizer) {
    std::cerr << argv[1] << ": " << tokenizer.error().message << "\n";
    return 1;
  }
  const bool timed = argc == 3 && std::string_view(argv[2]) == "--time";
  std::ios::sync_with_stdio(false);
  std::chrono::duration<double> spent{0};
  std::size_t tokens = 0;
  std::string text, line;
  while (std::getline(std::cin, line)) {
    text.resize(std::stoul(line));
    std::cin.read(text.data(), static_cast<std::streamsize>(text.size()));
    const auto start = std::chrono::steady_clock::now();
    const auto list = (*tokenizer)->Tokenize(text, text.size());
    spent += std::chrono::steady_clock::now() - start;
    tokens += list.size();
    if (timed) continue;
    line.clear();
    for (const auto& token : list) {
      line += std::to_string(token.id) + ':' + std::to_string(token.begin) + ':' + std::to_string(token.end) + ' ';
    }
    std::cout << line << '\n';
  }
  if (timed) std::cout << spent.count() << ' ' << tokens << '\n';
  return 0;
}
