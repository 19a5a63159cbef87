// Package bench times the kernels and the pipelines on real files: what
// `tailorbird bench` prints.
//
// Each case runs for a while on every thread and gives one Result, a rate. The
// cases prep and build do the same work, decode, short side 256, encode at
// quality 90, once as a bare loop over files in memory and once as the whole job
// from directory to manifest, so that their ratio is what the pipeline costs.
//
// Caveats: rates are for comparing within one run on one machine.
package bench
