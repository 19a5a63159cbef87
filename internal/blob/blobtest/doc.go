// Package blobtest puts a file system that fails on command below a blob.Store.
//
//	sys := blobtest.New(blobtest.Quick(), blobtest.OnlyOp(blobtest.Link, blobtest.FailNth(1, syscall.EIO)))
//	store := blob.NewLocal(sys)
//
// An Injector sees every call before it is made. An error that it returns stands
// in for the call; Lost makes the call and then loses its reply; Short moves half
// of the bytes.
//
// Guarantees: a System and its Injector may be used from many goroutines; calls
// are numbered from 1 in the order in which they begin. Files are closed whatever
// a Close is told to report.
//
// Caveats: for tests only.
package blobtest
