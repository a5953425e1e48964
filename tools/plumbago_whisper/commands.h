// The commands of plumbago-whisper, each group in a file of its name. A command parses its part of
// the command line, sets session.action, and does its work there over libs/whisper.
#pragma once

#include <CLI/CLI.hpp>

#include "session.h"

namespace plumbago::whisper_tool {

void AddInfoCommand(CLI::App& app, Session& session);    // info
void AddReadCommands(CLI::App& app, Session& session);   // fetch, dump
void AddVerifyCommand(CLI::App& app, Session& session);  // verify
void AddWriteCommands(CLI::App& app, Session& session);  // create, update, set-aggregation, set-xff
void AddCopyCommands(CLI::App& app, Session& session);   // resize, fill, merge
void AddDiffCommand(CLI::App& app, Session& session);    // diff

}  // namespace plumbago::whisper_tool
