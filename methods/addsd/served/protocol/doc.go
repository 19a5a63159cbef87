// Package protocol is the wire form of version 1 of the editing protocol: what a
// client and a server of pictures say to each other. docs/served.md describes it
// with examples.
//
//	GET  /v1/info  -> Info
//	POST /v1/edit  Edit -> Answer
//
// Guarantees: within version 1 fields are only added, so a reader ignores fields
// that it does not know.
//
// Caveats: the types say nothing of what is valid. A client treats each byte of an
// answer as untrusted.
package protocol
