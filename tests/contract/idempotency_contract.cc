#include <algorithm>
#include <array>
#include <thread>

#include "contract/store_contract.h"

namespace millrace::contract {
namespace {

using base::Code;
using core::AcceptKind;
using Kind = core::RequestState::Kind;

const std::string kId(64, 'a');
const std::string kAsked(64, 'b');
const core::KeptAnswer kAnswer{202, "application/json", "/v1/documents/1", std::string("{\"\0\":\"\xff\"}", 9)};

core::RequestClaim ClaimOf(std::string owner, std::string instead_of = {}) {
  return {kId, kAsked, std::move(owner), std::move(instead_of)};
}

core::NewDocument PartOf(core::NewDocument document, std::int64_t line, std::string request = kId) {
  document.part = {std::move(request), line};
  return document;
}

class Requests {
 public:
  explicit Requests(core::IdempotencyKeys& port) : port_(port) {}

  core::RequestState Begin(const core::RequestClaim& claim) {
    const auto state = port_.Begin(claim, Soon());
    EXPECT_TRUE(state) << state.error().message;
    return state ? *state : core::RequestState{};
  }
  void Finish(const std::string& owner) {
    const auto status = port_.Finish(kId, owner, kAnswer, Soon());
    EXPECT_TRUE(status) << status.error().message;
  }
  void Release(const std::string& owner) {
    const auto status = port_.Release(kId, owner, Soon());
    EXPECT_TRUE(status) << status.error().message;
  }

 private:
  core::IdempotencyKeys& port_;
};

TEST_P(IdempotencyContract, TheFirstAnswerIsKeptAsItWas) {
  EXPECT_EQ(Requests(ports().requests).Begin(ClaimOf("one")).kind, Kind::kOurs);
  Requests(ports().requests).Finish("one");
  Reopen();
  const auto state = Requests(ports().requests).Begin(ClaimOf("two"));
  EXPECT_EQ(state.kind, Kind::kAnswered);
  EXPECT_EQ(state.answer, kAnswer);
}

TEST_P(IdempotencyContract, AnotherRequestUnderTheKeyIsAMismatch) {
  Requests requests(ports().requests);
  requests.Begin(ClaimOf("one"));
  auto other = ClaimOf("one");
  other.fingerprint = std::string(64, 'c');
  EXPECT_EQ(requests.Begin(other).kind, Kind::kMismatch);
  requests.Finish("one");
  EXPECT_EQ(requests.Begin(other).kind, Kind::kMismatch);
}

TEST_P(IdempotencyContract, AnotherProcessWaitsUnlessItTakesOver) {
  Requests requests(ports().requests);
  const auto before = core::Now();
  requests.Begin(ClaimOf("one"));
  const auto state = requests.Begin(ClaimOf("two"));
  EXPECT_EQ(state.kind, Kind::kUnderWay);
  EXPECT_EQ(state.owner, "one");
  EXPECT_GE(state.begun_at, before);
  EXPECT_EQ(requests.Begin(ClaimOf("two", "zero")).kind, Kind::kUnderWay);
  EXPECT_EQ(requests.Begin(ClaimOf("two", "one")).kind, Kind::kOurs);
  EXPECT_EQ(requests.Begin(ClaimOf("three", "one")).owner, "two");  // two heirs: one of them
}

TEST_P(IdempotencyContract, WhoWasTakenOverFromEndsNothing) {
  Requests requests(ports().requests);
  requests.Begin(ClaimOf("one"));
  requests.Begin(ClaimOf("two", "one"));
  requests.Finish("one");
  requests.Release("one");
  EXPECT_EQ(requests.Begin(ClaimOf("three")).owner, "two");
  requests.Finish("two");
  requests.Release("two");
  EXPECT_EQ(requests.Begin(ClaimOf("three")).kind, Kind::kAnswered);
}

TEST_P(IdempotencyContract, AReleasedKeyWithoutDocumentsIsNew) {
  Requests requests(ports().requests);
  requests.Begin(ClaimOf("one"));
  requests.Release("one");
  auto other = ClaimOf("two");
  other.fingerprint = std::string(64, 'c');
  EXPECT_EQ(requests.Begin(other).kind, Kind::kOurs);
}

TEST_P(IdempotencyContract, ADocumentIsAcceptedOnceForItsPart) {
  Requests(ports().requests).Begin(ClaimOf("one"));
  const auto first = Accept(PartOf(Keyless("t", "c"), 1));
  Reopen();  // the process died between accepting and answering
  EXPECT_EQ(Requests(ports().requests).Begin(ClaimOf("two", "one")).kind, Kind::kOurs);
  const auto rows = BacklogRows();
  const std::array again{PartOf(Keyless("t", "c"), 1), PartOf(Keyless("t", "c"), 2), Keyless("t", "c")};
  const auto accepted = ports().documents.Accept(again, Soon());
  ASSERT_TRUE(accepted) << accepted.error().message;
  EXPECT_EQ((*accepted)[0].id, first.id);
  EXPECT_EQ((*accepted)[0].version, 1);
  EXPECT_EQ((*accepted)[0].kind, AcceptKind::kCreated);
  EXPECT_GT((*accepted)[1].id, first.id);
  EXPECT_GT((*accepted)[2].id, first.id);
  EXPECT_EQ(BacklogRows(), rows + 4);  // an upload and an event of each new one
  EXPECT_EQ(ports().documents.List({})->size(), 3u);
}

TEST_P(IdempotencyContract, ANewVersionIsAcceptedOnceToo) {
  const auto old = Accept(Keyed("k", "t", "one"));
  Requests(ports().requests).Begin(ClaimOf("one"));
  EXPECT_EQ(Accept(PartOf(Keyed("k", "t", "two"), 1)).version, 2);
  Accept(Keyed("k", "t", "three"));
  const auto again = Accept(PartOf(Keyed("k", "t", "two"), 1));
  EXPECT_EQ(again.id, old.id);
  EXPECT_EQ(again.version, 2);
  EXPECT_EQ(again.kind, AcceptKind::kUpdated);
  EXPECT_EQ(Get(old.id).version, 3);
}

TEST_P(IdempotencyContract, ARequestThatWasNotBegunAcceptsNothing) {
  const auto document = PartOf(Keyless("t", "c"), 0);
  const auto accepted = ports().documents.Accept({&document, 1}, Soon());
  ASSERT_FALSE(accepted);
  EXPECT_EQ(accepted.error().code, Code::kConflict);
  EXPECT_EQ(ports().documents.List({})->size(), 0u);
}

TEST_P(IdempotencyContract, AReleasedRequestWithDocumentsGoesOnAsTheSame) {
  Requests requests(ports().requests);
  requests.Begin(ClaimOf("one"));
  const auto first = Accept(PartOf(Keyless("t", "c"), 0));
  requests.Release("one");
  auto other = ClaimOf("two");
  other.fingerprint = std::string(64, 'c');
  EXPECT_EQ(requests.Begin(other).kind, Kind::kMismatch);
  EXPECT_EQ(requests.Begin(ClaimOf("two")).kind, Kind::kOurs);
  EXPECT_EQ(Accept(PartOf(Keyless("t", "c"), 0)).id, first.id);
}

TEST_P(IdempotencyContract, DeletingADocumentForgetsTheAnswersThatMayShowIt) {
  Requests requests(ports().requests);
  requests.Begin(ClaimOf("one"));
  const auto first = Accept(PartOf(Keyless("t", "c"), 0));
  requests.Finish("one");
  Delete(first.id);
  EXPECT_EQ(requests.Begin(ClaimOf("one")).kind, Kind::kOurs);
  EXPECT_EQ(Accept(PartOf(Keyless("t", "c"), 0)).id, first.id);  // nothing comes back
  EXPECT_EQ(ports().documents.Get(first.id).error().code, Code::kNotFound);
  requests.Finish("one");  // nor is it shown again
  EXPECT_EQ(requests.Begin(ClaimOf("one")).kind, Kind::kOurs);
}

TEST_P(IdempotencyContract, RequestsGoADayAfterTheyCame) {
  Requests requests(ports().requests);
  requests.Begin(ClaimOf("one"));
  Accept(PartOf(Keyless("t", "c"), 0));
  requests.Finish("one");
  EXPECT_EQ(*ports().admin.RemoveExpired(core::Now() + core::kRequestKept - std::chrono::minutes(1)), 0);
  EXPECT_EQ(requests.Begin(ClaimOf("one")).kind, Kind::kAnswered);
  EXPECT_GE(*ports().admin.RemoveExpired(core::Now() + core::kRequestKept + std::chrono::minutes(1)), 1);
  EXPECT_EQ(requests.Begin(ClaimOf("one")).kind, Kind::kOurs);
  EXPECT_EQ(Accept(PartOf(Keyless("t", "c"), 0)).kind, AcceptKind::kCreated);
  EXPECT_EQ(ports().documents.List({})->size(), 2u);
}

TEST_P(IdempotencyContract, OneOfManyBegins) {
  std::array<core::RequestState, 8> states;
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < states.size(); ++i) {
    threads.emplace_back([&, i] { states[i] = Requests(ports().requests).Begin(ClaimOf(std::to_string(i))); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(std::count_if(states.begin(), states.end(), [](const auto& s) { return s.kind == Kind::kOurs; }), 1);
}

TEST_P(IdempotencyContract, TwoRunsOfARequestAtOnceAcceptOneDocument) {
  Requests(ports().requests).Begin(ClaimOf("one"));
  std::array<core::Accepted, 6> accepted;
  std::vector<std::thread> threads;
  for (core::Accepted& one : accepted) {
    threads.emplace_back([&] { one = Accept(PartOf(Keyless("t", "c"), 0)); });
  }
  for (std::thread& thread : threads) thread.join();
  for (const core::Accepted& one : accepted) EXPECT_EQ(one.id, accepted.front().id);
  EXPECT_EQ(ports().documents.List({})->size(), 1u);
}

}  // namespace
}  // namespace millrace::contract
