// Package all registers every training method. Binaries import it for its effect.
package all

import (
	_ "github.com/tailorbird/tailorbird/methods/ctkd"         // ctkd and the distillation losses beside it
	_ "github.com/tailorbird/tailorbird/methods/historical"   // the mechanisms of the survey, and several at once
	_ "github.com/tailorbird/tailorbird/methods/recursivemix" // recursivemix, cutmix, mixup
	_ "github.com/tailorbird/tailorbird/methods/teskd"        // teskd
)
