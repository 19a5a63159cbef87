package trained

// cost is the section of what the runs took.
type cost struct {
	First, Rest []costRow
	Many        bool
	Total       string
}

type costRow struct{ Name, Seconds, Rate, Parameters, Steps string }

func newCost(p *page) *cost {
	v := &cost{Many: len(p.in.Runs) > 1}
	var total float64
	var rows []costRow
	for i := range p.in.Runs {
		r := &p.in.Runs[i]
		if r.Seconds > 0 && finite(r.Seconds) {
			total += r.Seconds
		}
		rows = append(rows, costRow{r.Name, seconds(r.Seconds), rate(r.ImagesPerSecond), positive(r.Parameters), positive(r.Steps)})
	}
	v.First, v.Rest = split(rows)
	v.Total = seconds(total)
	return v
}

// settings is the section of what the runs were told and what they left.
type settings struct {
	Common []KeyValue
	Runs   []settingsRow
}

type settingsRow struct {
	Name, Hash string
	OK         bool
	Rows       []KeyValue
}

// newSettings writes what all runs share once, and with each run what it does not.
func newSettings(in *Input) *settings {
	common := map[KeyValue]int{}
	for i := range in.Runs {
		seen := map[KeyValue]bool{}
		for _, kv := range in.Runs[i].Settings {
			if !seen[kv] {
				seen[kv] = true
				common[kv]++
			}
		}
	}
	shared := func(kv KeyValue) bool { return len(in.Runs) > 1 && common[kv] == len(in.Runs) }
	v := &settings{}
	for i := range in.Runs {
		r := &in.Runs[i]
		row := settingsRow{Name: r.Name, Hash: r.FinalSHA256, OK: r.OK}
		row.Rows = append(row.Rows, r.Sweep...)
		for _, kv := range r.Settings {
			if !shared(kv) {
				row.Rows = append(row.Rows, kv)
			} else if i == 0 {
				v.Common = append(v.Common, kv)
			}
		}
		v.Runs = append(v.Runs, row)
	}
	return v
}
