foreach(name client encoding file_walk html_text ingest_summary json_lines log_range message_format terminal_text title)
  millrace_test(unit_cli_${name} SOURCES cli/${name}_test.cc LINK millrace_cli Boost::json)
endforeach()
