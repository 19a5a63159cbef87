package main

import "time"

// grace is how long an interrupted run may take to put its things away.
const grace = 3 * time.Second

func afterGrace() <-chan time.Time { return time.After(grace) }
