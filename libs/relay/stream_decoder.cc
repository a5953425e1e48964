#include "relay/stream_decoder.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/check.h"
#include "base/status.h"
#include "protocols/carbon_protobuf.h"
#include "protocols/frame_cutter.h"
#include "protocols/pickle.h"
#include "protocols/telnet_line.h"
#include "relay/line_cutter.h"
#include "relay/router_sink.h"

namespace plumbago::relay {
namespace {

class PlaintextDecoder final : public StreamDecoder {
 public:
  explicit PlaintextDecoder(DecoderContext context) : router_(context.router) {}
  absl::Status Feed(absl::string_view piece) override {
    cutter_.Feed(piece, router_);
    return absl::OkStatus();
  }

 private:
  PointRouter& router_;
  LineCutter cutter_;
};

// Pickles and carbon's protobuf: a broken payload ends the stream.
class FrameDecoder final : public StreamDecoder {
 public:
  FrameDecoder(Protocol protocol, DecoderContext context)
      : protocol_(protocol),
        clock_(context.clock),
        sink_(context.router),
        cutter_(protocol == Protocol::kPickle ? protocols::kFrameBytesMaxDefault
                                              : protocols::kProtobufBytesMax),
        router_(context.router) {}

  absl::Status Feed(absl::string_view piece) override {
    absl::Status payload_status;
    const absl::Status cut = cutter_.Feed(piece, [&](absl::string_view payload) {
      if (payload_status.ok()) payload_status = Decode(payload);
    });
    if (!cut.ok() && payload_status.ok()) router_.OnRefused(DropReason::kTooLarge, "");
    return payload_status.ok() ? cut : payload_status;
  }

 private:
  absl::Status Decode(absl::string_view payload) {
    if (protocol_ == Protocol::kProtobuf) return protocols::DecodeCarbonProtobuf(payload, sink_);
    return protocols::DecodePickle(payload, static_cast<uint32_t>(clock_.UnixSeconds()), sink_);
  }

  const Protocol protocol_;
  base::Clock& clock_;
  RouterSink sink_;
  protocols::FrameCutter cutter_;
  PointRouter& router_;
};

class OpentsdbDecoder final : public StreamDecoder {
 public:
  explicit OpentsdbDecoder(DecoderContext context)
      : context_(std::move(context)), sink_(context_.router) {}

  absl::Status Feed(absl::string_view piece) override {
    now_seconds_ = static_cast<uint32_t>(context_.clock.UnixSeconds());
    cutter_.Feed(piece, *this);
    return is_done_ ? absl::CancelledError("the client said exit") : absl::OkStatus();
  }

  // The sink of LineCutter.
  void OnLines(absl::Span<const absl::string_view> lines) {
    for (const absl::string_view line : lines) {
      if (!is_done_) OnLine(line);
    }
  }
  void OnLongLine(absl::string_view head) {
    context_.router.OnRefused(DropReason::kLineTooLong, head);
    context_.reply("put: the line is too long\n");
  }

 private:
  void OnLine(absl::string_view line) {
    switch (protocols::DecodeTelnetLine(line, now_seconds_, ++position_, sink_)) {
      case protocols::TelnetRequest::kPut:
      case protocols::TelnetRequest::kEmpty:
        return;
      case protocols::TelnetRequest::kVersion:
        return context_.reply("plumbago\n");
      case protocols::TelnetRequest::kExit:
        is_done_ = true;
        return;
      case protocols::TelnetRequest::kRefused:
        return context_.reply(
            absl::StrCat("put: illegal argument: ", base::Excerpt(WithoutKey(line)), "\n"));
    }
  }

  DecoderContext context_;
  RouterSink sink_;
  LineCutter cutter_;
  uint32_t now_seconds_ = 0;
  uint64_t position_ = 0;
  bool is_done_ = false;
};

class StatsdDecoder final : public StreamDecoder {
 public:
  explicit StatsdDecoder(DecoderContext context) : context_(std::move(context)) {}

  absl::Status Feed(absl::string_view piece) override {
    cutter_.Feed(piece, *this);
    return absl::OkStatus();
  }
  void OnLines(absl::Span<const absl::string_view> lines) {
    for (const absl::string_view line : lines) {
      FeedStatsd(line, StatsdInput::kLine, *context_.statsd, context_.router);
    }
  }
  void OnLongLine(absl::string_view head) {
    context_.router.OnRefused(DropReason::kLineTooLong, head);
  }

 private:
  DecoderContext context_;
  LineCutter cutter_;
};

class DecompressingDecoder final : public StreamDecoder {
 public:
  DecompressingDecoder(protocols::Compression compression, PointRouter& router,
                       std::unique_ptr<StreamDecoder> inner)
      : router_(router),
        decompressor_(protocols::MakeDecompressor(compression)),
        inner_(std::move(inner)) {}

  absl::Status Feed(absl::string_view piece) override {
    absl::Status inner_status;
    const absl::Status inflated = decompressor_->Feed(piece, [&](absl::string_view plain) {
      if (inner_status.ok()) inner_status = inner_->Feed(plain);
    });
    if (!inner_status.ok()) return inner_status;
    if (!inflated.ok()) {
      router_.OnRefused(
          absl::IsResourceExhausted(inflated) ? DropReason::kTooLarge : DropReason::kMalformed, "");
    }
    return inflated;
  }

 private:
  PointRouter& router_;
  const std::unique_ptr<protocols::Decompressor> decompressor_;
  const std::unique_ptr<StreamDecoder> inner_;
};

std::unique_ptr<StreamDecoder> MakePlain(Protocol protocol, DecoderContext context) {
  switch (protocol) {
    case Protocol::kPlaintext:
      return std::make_unique<PlaintextDecoder>(std::move(context));
    case Protocol::kPickle:
    case Protocol::kProtobuf:
      return std::make_unique<FrameDecoder>(protocol, std::move(context));
    case Protocol::kOpentsdb:
      return std::make_unique<OpentsdbDecoder>(std::move(context));
    case Protocol::kStatsd:
      return std::make_unique<StatsdDecoder>(std::move(context));
    default:
      break;
  }
  base::CheckFailed(__FILE__, __LINE__, "a protocol of streams");
}

}  // namespace

void FeedStatsd(absl::string_view input, StatsdInput kind, protocols::StatsdAggregator& statsd,
                PointRouter& router) {
  RouterSink sink(router);
  if (!router.has_keys() || !absl::StrContains(input, kKeyPrefix)) {
    if (kind == StatsdInput::kLine) return statsd.OnLine(input, sink);
    return statsd.OnDatagram(input, sink);
  }
  for (const absl::string_view line : absl::StrSplit(input, '\n')) {
    if (BeginsWithKey(line)) {
      router.OnRefused(DropReason::kUnknownKey, line);
    } else {
      statsd.OnLine(line, sink);
    }
  }
}

std::unique_ptr<StreamDecoder> MakeStreamDecoder(Protocol protocol,
                                                 std::optional<protocols::Compression> compression,
                                                 DecoderContext context) {
  PointRouter& router = context.router;
  std::unique_ptr<StreamDecoder> plain = MakePlain(protocol, std::move(context));
  if (!compression.has_value()) return plain;
  return std::make_unique<DecompressingDecoder>(*compression, router, std::move(plain));
}

}  // namespace plumbago::relay
