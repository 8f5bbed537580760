millrace_test(unit_http_server SOURCES http/server_test.cc LINK millrace_http)
