#include "base/timestamp.h"

namespace millrace::base {
namespace {

using Timestamp = std::chrono::sys_time<std::chrono::milliseconds>;

/// Takes the parts of a time off the front of a text, and remembers when one was not there.
struct TimeReader {
  std::string_view text;
  bool ok = true;

  bool NextIs(std::string_view characters) const {
    return !text.empty() && characters.find(text.front()) != std::string_view::npos;
  }
  void Expect(std::string_view characters) {
    ok = ok && NextIs(characters);
    if (ok) text.remove_prefix(1);
  }
  int Digits(int count, int most) {
    int value = 0;
    for (int i = 0; i < count; ++i) {
      const char digit = text.empty() ? ' ' : text.front();
      Expect("0123456789");
      value = 10 * value + (digit - '0');
    }
    ok = ok && value <= most;
    return value;
  }
  std::chrono::milliseconds Fraction() {
    int fraction = 0;
    for (int unit = 100; NextIs("0123456789"); unit /= 10) fraction += unit * Digits(1, 9);
    return std::chrono::milliseconds(fraction);
  }
  /// What local time is ahead of UTC.
  std::chrono::minutes Zone() {
    if (!NextIs("+-")) {
      Expect("Zz");
      return std::chrono::minutes(0);
    }
    const int sign = NextIs("-") ? -1 : 1;
    Expect("+-");
    const int hours = Digits(2, 23);
    Expect(":");
    return std::chrono::minutes(sign * (60 * hours + Digits(2, 59)));
  }
};

}  // namespace

std::optional<Timestamp> ParseTimestamp(std::string_view text) {
  TimeReader reader{text};
  const std::chrono::year year(reader.Digits(4, 9999));
  reader.Expect("-");
  const std::chrono::month month(static_cast<unsigned>(reader.Digits(2, 12)));
  reader.Expect("-");
  const std::chrono::year_month_day date(year, month, std::chrono::day(static_cast<unsigned>(reader.Digits(2, 31))));
  reader.Expect("Tt");
  const std::chrono::hours hours(reader.Digits(2, 23));
  reader.Expect(":");
  const std::chrono::minutes minutes(reader.Digits(2, 59));
  reader.Expect(":");
  const std::chrono::seconds seconds(reader.Digits(2, 60));  // 60: a leap second
  std::chrono::milliseconds fraction(0);
  if (reader.NextIs(".")) {
    reader.Expect(".");
    reader.ok = reader.ok && reader.NextIs("0123456789");
    fraction = reader.Fraction();
  }
  const std::chrono::minutes ahead = reader.Zone();
  if (!reader.ok || !reader.text.empty() || !date.ok()) return std::nullopt;
  const Timestamp time = std::chrono::sys_days(date) + hours + minutes + seconds + fraction - ahead;
  if (time < Timestamp()) return std::nullopt;
  return time;
}

}  // namespace millrace::base
