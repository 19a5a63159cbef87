package pickle

import (
	"os"
	"strings"
	"testing"

	"github.com/tailorbird/tailorbird/internal/fault"
)

func torchOnly(module, name string) bool {
	switch module + "." + name {
	case "collections.OrderedDict", "torch._utils._rebuild_tensor_v2", "torch.FloatStorage":
		return true
	}
	return false
}

func TestACheckpointComesAsDataWhereItsClassesAreAllowed(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"testdata/torch.p2.bin", "testdata/torch.p4.bin"} {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Parse(data, Options{}); fault.CodeOf(err) != fault.Unsupported {
			t.Errorf("%s without an allow-list: %v", name, err)
		}
		doc, err := Parse(data, Options{Global: torchOnly})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		state := doc.Root()
		if callee, _, ok := state.Call(); !ok || globalOf(callee) != "collections.OrderedDict" || state.Len() != 3 {
			t.Fatalf("%s: %v of %d entries", name, state.Kind(), state.Len())
		}
		bias, ok := state.Lookup("head.bias")
		callee, args, isCall := bias.Call()
		if !ok || !isCall || globalOf(callee) != "torch._utils._rebuild_tensor_v2" || args.Len() != 6 {
			t.Fatalf("%s: head.bias is %v", name, bias.Kind())
		}
		id := args.Index(0)
		if id.Kind() != Persistent || id.Index(0).Kind() != Tuple || globalOf(id.Index(0).Index(1)) != "torch.FloatStorage" {
			t.Errorf("%s: storage is %v", name, tree(id))
		}
		if key, err := id.Index(0).Index(2).Text(); key != "1" || err != nil {
			t.Errorf("%s: storage key %q, %v", name, key, err)
		}
		if n, err := args.Index(1).Int(); n != 4 || err != nil {
			t.Errorf("%s: offset %d, %v", name, n, err)
		}
		if key, meta := state.Entry(2); key.Kind() != None || meta.Kind() != Dict {
			t.Errorf("%s: BUILD gave %v: %v", name, key.Kind(), meta.Kind())
		}
	}
}

func globalOf(v Value) string {
	module, name, _ := v.Global()
	return module + "." + name
}

func TestFault22AnAllowListLetsNothingElseIn(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		in, message string
		code        fault.Code
	}{
		"GLOBAL":                   {"cos\nsystem\n(S'true'\ntR.", `byte 0: GLOBAL: "system" of "os" is not allowed here`, fault.Unsupported},
		"STACK_GLOBAL":             {"\x8c\x02os\x8c\x06system\x93.", `"system" of "os" is not allowed here`, fault.Unsupported},
		"a call of a value":        {"K\x01)R.", "int called with a tuple", fault.Corrupt},
		"a call with a list":       {"ctorch\nFloatStorage\n]R.", "global called with a list", fault.Corrupt},
		"BUILD of a dict":          {"}}b.", "dict, want call", fault.Corrupt},
		"numbers as names":         {"K\x01K\x02\x93.", "int and int, want two strings", fault.Corrupt},
		"INST":                     {"(ios\nsystem\n.", "INST is not data", fault.Unsupported},
		"EXT1":                     {"\x82\x01.", "EXT1 is not data", fault.Unsupported},
		"a call that holds itself": {"ccollections\nOrderedDict\n)Rq\x00h\x00b.", "call that holds itself", fault.Unsupported},
	} {
		_, err := Parse([]byte(c.in), Options{Global: torchOnly})
		if fault.CodeOf(err) != c.code || !strings.Contains(err.Error(), c.message) {
			t.Errorf("%s: got %v (%s), want %s with %q", name, err, fault.CodeOf(err), c.code, c.message)
		}
	}
}
