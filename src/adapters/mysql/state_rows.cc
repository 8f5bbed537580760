#include "adapters/mysql/state_rows.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <bitset>
#include <iterator>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "adapters/mysql/rows.h"
#include "adapters/sql/position.h"

namespace millrace::mysql {
namespace {

/// NULL, a number or a text.
using Value = std::variant<std::monostate, std::int64_t, std::string_view>;

Value Number(std::int64_t number) { return number; }

Value Time(const std::optional<core::Timestamp>& time) {
  if (!time) return {};
  return std::int64_t{time->time_since_epoch().count()};
}

Value Text(const std::optional<std::string>& text) {
  if (!text) return {};
  return std::string_view(*text);
}

/// A column, and what a row has in it.
struct StateColumn {
  std::string_view name;
  Value (*of)(const StateRow& row);
};

Value NotEmpty(const std::string& text) {
  if (text.empty()) return {};
  return std::string_view(text);
}

/// A member of what the row may lack.
template <auto kWhole, auto kMember>
Value PartOf(const StateRow& row) {
  if (!(row.*kWhole)) return {};
  const auto& member = (*(row.*kWhole)).*kMember;
  if constexpr (std::is_integral_v<std::decay_t<decltype(member)>>) {
    return std::int64_t{member};
  } else {
    return std::string_view(member);
  }
}

/// In the order that ReadState takes them. The first ones have no default: each INSERT names them.
constexpr StateColumn kStateColumns[] = {
    {"document_id", [](const StateRow& row) { return Number(row.id); }},
    {"version", [](const StateRow& row) { return Number(row.version); }},
    {"status", [](const StateRow& row) -> Value { return core::StatusName(row.status); }},
    {"progress_at", [](const StateRow& row) { return Time(row.progress_at); }},
    {"indexed_version", [](const StateRow& row) { return Number(row.indexed_version); }},
    {"deleted_version", [](const StateRow& row) { return Number(row.deleted_version); }},
    {"revision", [](const StateRow& row) { return Number(row.revision); }},
    {"attempts", [](const StateRow& row) { return Number(row.attempts); }},
    {"next_attempt_at", [](const StateRow& row) { return Time(row.next_attempt_at); }},
    {"deleted_at", [](const StateRow& row) { return Time(row.deleted_at); }},
    {"created_at", [](const StateRow& row) { return Time(row.created_at); }},
    {"position_topic", PartOf<&StateRow::position, &core::Position::topic>},
    {"position_partition", PartOf<&StateRow::position, &core::Position::partition>},
    {"position_offset", PartOf<&StateRow::position, &core::Position::offset>},
    {"position_at", [](const StateRow& row) { return Time(row.position_at); }},
    {"position_version", [](const StateRow& row) { return Number(row.position_version); }},
    {"chunk_count", [](const StateRow& row) { return Number(row.chunk_count); }},
    {"staged", [](const StateRow& row) { return Number(row.staged ? 1 : 0); }},
    {"received_at", [](const StateRow& row) { return Time(row.steps.received); }},
    {"chunked_at", [](const StateRow& row) { return Time(row.steps.chunked); }},
    {"embedded_at", [](const StateRow& row) { return Time(row.steps.embedded); }},
    {"stored_at", [](const StateRow& row) { return Time(row.steps.stored); }},
    {"error_code", PartOf<&StateRow::error, &core::DocumentError::code>},
    {"error_message", PartOf<&StateRow::error, &core::DocumentError::message>},
    {"error_stage", PartOf<&StateRow::error, &core::DocumentError::stage>},
    {"warning", [](const StateRow& row) { return Text(row.warning); }},
    {"worker", [](const StateRow& row) { return NotEmpty(row.mark.worker); }},
    {"alone", [](const StateRow& row) { return Number(row.mark.alone ? 1 : 0); }},
    {"crashes", [](const StateRow& row) { return Number(row.mark.crashes); }},
    {"reindexed_version", [](const StateRow& row) { return Number(row.reindexed_version); }},
};

constexpr std::size_t kStateColumnCount = std::size(kStateColumns);
constexpr std::size_t kWithoutDefault = 4;

using Columns = std::bitset<kStateColumnCount>;

StateRow ReadState(const Rows& row) {
  StateRow state;
  int column = 0;
  const auto next = [&column] { return column++; };
  state.id = row.Int(next());
  state.version = row.Int(next());
  state.status = core::ParseStatus(row.View(next())).value_or(core::DocumentStatus::kFailed);
  state.progress_at = row.Time(next());
  state.indexed_version = row.Int(next());
  state.deleted_version = row.Int(next());
  state.revision = row.Int(next());
  state.attempts = static_cast<int>(row.Int(next()));
  state.next_attempt_at = row.OptionalTime(next());
  state.deleted_at = row.OptionalTime(next());
  state.created_at = row.OptionalTime(next());
  const int position = std::exchange(column, column + 3);
  if (!row.IsNull(position)) {
    state.position = sql::ReadPosition(row, position);
  }
  state.position_at = row.OptionalTime(next());
  state.position_version = row.Int(next());
  state.chunk_count = row.Int(next());
  state.staged = row.Int(next()) != 0;
  for (auto* step : {&state.steps.received, &state.steps.chunked, &state.steps.embedded, &state.steps.stored}) {
    *step = row.OptionalTime(next());
  }
  const int error = std::exchange(column, column + 3);
  if (!row.IsNull(error)) state.error = {row.Text(error), row.Text(error + 1), row.Text(error + 2)};
  state.warning = row.OptionalText(next());
  state.mark.worker = row.Text(next());
  state.mark.alone = row.Int(next()) != 0;
  state.mark.crashes = static_cast<int>(row.Int(next()));
  state.reindexed_version = row.Int(next());
  return state;
}

std::shared_ptr<const StateRow> Snapshot(const StateRow& state) {
  auto copy = std::make_shared<StateRow>(state);
  copy->stored.reset();
  return copy;
}

std::string JoinNames() {
  std::string names;
  for (const StateColumn& column : kStateColumns) names.append(names.empty() ? "" : ", ").append(column.name);
  return names;
}

StateRows SelectStates(Connection& connection, const std::set<core::DocumentId>& ids, std::string_view lock) {
  static const std::string kNames = JoinNames();
  StateRows states;
  const std::vector<core::DocumentId> ascending(ids.begin(), ids.end());
  InPieces(std::span(ascending), [&](std::span<const core::DocumentId> piece) {
    Rows rows(connection, fmt::format("SELECT {} FROM document_state FORCE INDEX(PRIMARY) WHERE document_id IN {} "
                                      "ORDER BY document_id{}",
                                      kNames, ListOf(piece), lock));
    while (rows.Next()) {
      StateRow state = ReadState(rows);
      state.stored = Snapshot(state);
      states.emplace_hint(states.end(), state.id, std::move(state));
    }
  });
  return states;
}

Columns Differing(const StateRow& one, const StateRow& other) {
  Columns columns;
  for (std::size_t i = 0; i < kStateColumnCount; ++i)
    columns[i] = kStateColumns[i].of(one) != kStateColumns[i].of(other);
  return columns;
}

/// As SQL has it, whatever it holds.
std::string Literal(const Value& value) {
  if (const auto* number = std::get_if<std::int64_t>(&value)) return std::to_string(*number);
  if (const auto* text = std::get_if<std::string_view>(&value)) return HexLiteral(*text);
  return "NULL";
}

void AppendTo(RowInsert& insert, const Value& value) {
  if (const auto* number = std::get_if<std::int64_t>(&value)) return insert.Append(*number);
  if (const auto* text = std::get_if<std::string_view>(&value)) return insert.Append(*text);
  insert.Append(std::nullopt);
}

using Group = std::vector<const StateRow*>;

/// Those of `columns` in which all rows of the group have the same.
Columns SharedBy(const Group& rows, Columns columns) {
  for (std::size_t i = 0; i < kStateColumnCount; ++i) {
    if (!columns[i]) continue;
    const Value first = kStateColumns[i].of(*rows.front());
    columns[i] =
        std::all_of(rows.begin(), rows.end(), [&](const StateRow* row) { return kStateColumns[i].of(*row) == first; });
  }
  return columns;
}

/// INSERT of the columns that have no default and of `own`, overwriting `own`, and where it is there `shared`.
void InsertRows(Connection& connection, const Group& rows, const Columns& own, const std::string& shared) {
  Columns listed = own;
  for (std::size_t i = 0; i < kWithoutDefault; ++i) listed.set(i);
  std::string names, overwrite = shared;
  for (std::size_t i = 0; i < kStateColumnCount; ++i) {
    if (listed[i]) names.append(names.empty() ? "" : ", ").append(kStateColumns[i].name);
    if (own[i]) overwrite += fmt::format("{0}{1} = VALUES({1})", overwrite.empty() ? "" : ", ", kStateColumns[i].name);
  }
  RowInsert insert(connection, fmt::format("INSERT INTO document_state({}) VALUES", names),
                   " ON DUPLICATE KEY UPDATE " + overwrite);
  for (const StateRow* row : rows) {
    insert.BeginRow();
    for (std::size_t i = 0; i < kStateColumnCount; ++i) {
      if (listed[i]) AppendTo(insert, kStateColumns[i].of(*row));
    }
    insert.EndRow();
  }
  insert.Flush();
}

/// A row that is there already, which should not be, becomes what is written, whole.
void WriteNew(Connection& connection, const Group& rows) {
  const StateRow blank;
  Columns own;
  for (const StateRow* row : rows) own |= Differing(*row, blank);
  for (std::size_t i = 1; i < kWithoutDefault; ++i) own.set(i);
  std::string rest;
  for (std::size_t i = 1; i < kStateColumnCount; ++i) {
    if (!own[i]) rest += fmt::format("{0}{1} = DEFAULT({1})", rest.empty() ? "" : ", ", kStateColumns[i].name);
  }
  own.reset(0);
  InsertRows(connection, rows, own, rest);
}

void WriteChanged(Connection& connection, const Group& rows, const Columns& changed) {
  const Columns shared = SharedBy(rows, changed);
  std::string assignments;
  for (std::size_t i = 0; i < kStateColumnCount; ++i) {
    if (!shared[i]) continue;
    assignments += fmt::format("{}{} = {}", assignments.empty() ? "" : ", ", kStateColumns[i].name,
                               Literal(kStateColumns[i].of(*rows.front())));
  }
  if (shared != changed) return InsertRows(connection, rows, changed & ~shared, assignments);
  std::vector<core::DocumentId> ids;
  for (const StateRow* row : rows) ids.push_back(row->id);
  InPieces(std::span<const core::DocumentId>(ids), [&](std::span<const core::DocumentId> piece) {
    connection.Execute(fmt::format("UPDATE document_state FORCE INDEX(PRIMARY) SET {} WHERE document_id IN {}",
                                   assignments, ListOf(piece)));
    if (connection.changes() == static_cast<std::int64_t>(piece.size())) return;
    throw Failure({base::Code::kInternal, "rows of document_state that were locked are not there", {}});
  });
}

}  // namespace

StateRows LockStates(Connection& connection, const std::set<core::DocumentId>& ids) {
  return SelectStates(connection, ids, " FOR UPDATE");
}

StateRows ReadStates(Connection& connection, const std::set<core::DocumentId>& ids) {
  return SelectStates(connection, ids, "");
}

StateRows LockOrMakeStates(Connection& connection, const std::set<core::DocumentId>& ids, core::Timestamp now) {
  StateRows states = LockStates(connection, ids);
  std::set<core::DocumentId> missing;
  for (const core::DocumentId id : ids) {
    if (!states.contains(id)) missing.insert(id);
  }
  if (missing.empty()) return states;
  RowInsert insert(connection, "INSERT INTO document_state(document_id, version, status, progress_at) VALUES",
                   " ON DUPLICATE KEY UPDATE document_id = VALUES(document_id)");  // another may just have made it
  for (const core::DocumentId id : missing) insert.Add(id, 0, "queued", now);
  insert.Flush();
  states.merge(LockStates(connection, missing));
  return states;
}

core::DocumentId HighestId(Connection& connection) {
  return connection
      .Int(
          "SELECT greatest(coalesce((SELECT max(id) FROM documents), 0), "
          "coalesce((SELECT max(document_id) FROM document_state), 0))")
      .value_or(0);
}

void SetPosition(StateRow& state, core::Version version, const core::Position& position, core::Timestamp timestamp) {
  state.position = position;
  if (version != state.reindexed_version) state.position_at = timestamp;
  state.position_version = version;
}

void StateWriter::Save(StateRow& state) {
  Saved& saved = saved_[state.id];
  if (!saved.after) saved.before = state.stored;
  saved.after = state.stored = Snapshot(state);
}

void StateWriter::Flush() {
  const auto less = [](const Columns& a, const Columns& b) { return a.to_ulong() < b.to_ulong(); };
  std::map<Columns, Group, decltype(less)> changed(less);
  Group added;
  for (const auto& [id, saved] : saved_) {
    if (!saved.before) {
      added.push_back(saved.after.get());
    } else if (const Columns columns = Differing(*saved.before, *saved.after); columns.any()) {
      changed[columns].push_back(saved.after.get());
    }
  }
  if (!added.empty()) WriteNew(connection_, added);
  for (const auto& [columns, rows] : changed) WriteChanged(connection_, rows, columns);
  saved_.clear();
}

}  // namespace millrace::mysql
