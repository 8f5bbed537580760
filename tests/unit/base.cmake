millrace_test(unit_base SOURCES base/utf8_test.cc LINK millrace_base)
