// Package runners runs a Beam pipeline on one of the runners that the command
// names: direct and prism in this process, portable on any Beam job service,
// flink and dataflow through their own.
//
// A worker process is this same binary: WorkerMain must be the first call of
// main, before any other flag parsing, because runners start workers with flags
// of their own.
//
// Guarantees: only one place of the program knows Beam's flags.
package runners
