millrace_test(unit_base SOURCES base/rate_meter_test.cc base/base64_test.cc base/utf8_test.cc LINK millrace_base)
