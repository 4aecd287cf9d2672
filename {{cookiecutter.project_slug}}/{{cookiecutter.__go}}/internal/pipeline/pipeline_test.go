package pipeline_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"{{ cookiecutter.__go_module }}/internal/pipeline"
)

const (
	items = `"items":[{"sku":"KEEL-1","quantity":2,"unit_price_cents":1250}]`
	good  = `{"order_id":"A-1","customer_id":"c-1","placed_at":"2026-11-18T08:15:00Z",` + items + "}\n" +
		`{"order_id":"A-2","customer_id":"c-2","placed_at":"2026-11-19T08:15:00Z",` + items + "}\n"
)

func from(text string) pipeline.Source {
	return pipeline.Source{Name: "orders.ndjson", Size: int64(len(text)), Open: func() (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(text)), nil
	}}
}

type quickDisk struct{}

func (quickDisk) Create(path string) (pipeline.Output, error) {
	file, err := pipeline.OSDisk{}.Create(path)
	return quickFile{file}, err
}

func (quickDisk) SyncFolder(string) error {
	return nil
}

type quickFile struct {
	pipeline.Output
}

func (quickFile) Sync() error {
	return nil
}

func settings(folder, text string) pipeline.Settings {
	return pipeline.Settings{
		Source:     from(text),
		Folder:     folder,
		Build:      "test",
		Limits:     pipeline.Limits{WarningShare: 1},
		SortMemory: 1 << 20,
		KeepRuns:   10,
		Disk:       quickDisk{},
		Now:        time.Now,
		Observe:    func(pipeline.Progress) {},
	}
}

func serve(t *testing.T, folder, text string) pipeline.Lineage {
	t.Helper()
	lineage, err := pipeline.Run(t.Context(), settings(folder, text))
	if err != nil {
		t.Fatalf("run: %v", err)
	}
	return lineage
}

func read(t *testing.T, parts ...string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(parts...))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func served(t *testing.T, folder string) []pipeline.DailySummary {
	t.Helper()
	var result pipeline.Served
	if err := json.Unmarshal([]byte(read(t, folder, "current", "daily_summaries.json")), &result); err != nil {
		t.Fatal(err)
	}
	return result.Days
}

func names(t *testing.T, parts ...string) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(parts...))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	found := make([]string, 0, len(entries))
	for _, entry := range entries {
		found = append(found, entry.Name())
	}
	return found
}

func wantNothingLeft(t *testing.T, folder string) {
	t.Helper()
	for _, name := range names(t, folder) {
		if strings.HasPrefix(name, ".work") {
			t.Errorf("%s was left behind", name)
		}
	}
}

func result(t *testing.T, lineage pipeline.Lineage, rule string) pipeline.Result {
	t.Helper()
	index := slices.IndexFunc(lineage.Rules, func(one pipeline.Result) bool { return one.Rule == rule })
	if index < 0 {
		t.Fatalf("no rule %s in %v", rule, lineage.Rules)
	}
	return lineage.Rules[index]
}

func TestWhatIsServedIsPinnedByItsVersion(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()

	lineage := serve(t, folder, read(t, "testdata", "orders.ndjson"))

	if got, want := read(t, folder, "current", "daily_summaries.json"), read(t, "testdata", pipeline.TransformVersion+".json"); got != want {
		t.Errorf("got %s, want %s: a change of the transform needs a new version", got, want)
	}
	if want := (pipeline.Counts{Read: 5, Accepted: 4, Duplicates: 1}); lineage.Rows != want || lineage.Warnings() != 2 {
		t.Errorf("got %+v and %d warnings, want %+v and 2", lineage.Rows, lineage.Warnings(), want)
	}
}

func TestLineageNamesWhatWentInAndWhatCameOut(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	given := settings(folder, good)
	given.Disk = pipeline.OSDisk{}
	digest := func(text string) string {
		sum := sha256.Sum256([]byte(text))
		return hex.EncodeToString(sum[:])
	}

	returned, err := pipeline.Run(t.Context(), given)

	if err != nil {
		t.Fatal(err)
	}
	var recorded pipeline.Lineage
	if err := json.Unmarshal([]byte(read(t, folder, "current", "lineage.json")), &recorded); err != nil {
		t.Fatal(err)
	}
	summaries := read(t, folder, "current", "daily_summaries.json")
	if want := (pipeline.File{Name: "orders.ndjson", Bytes: int64(len(good)), SHA256: digest(good)}); recorded.Input != want {
		t.Errorf("got input %+v, want %+v", recorded.Input, want)
	}
	if want := (pipeline.File{Name: "daily_summaries.json", Bytes: int64(len(summaries)), SHA256: digest(summaries)}); recorded.Outputs[0] != want {
		t.Errorf("got outputs %+v, want %+v", recorded.Outputs, want)
	}
	if raw := read(t, folder, recorded.RawFile); raw != good {
		t.Errorf("stored %q", raw)
	}
	if recorded.Outcome != pipeline.OutcomeServed || recorded.TransformVersion != pipeline.TransformVersion ||
		recorded.RulesVersion != pipeline.RulesVersion || recorded.Run != returned.Run || recorded.EndedAt.Before(recorded.StartedAt) {
		t.Errorf("got %+v", recorded)
	}
}

func TestARepeatedRunDiffersInItsTimesAlone(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()

	first := serve(t, folder, good)
	second := serve(t, folder, good)

	one, two := filepath.Join(folder, "runs", first.Run), filepath.Join(folder, "runs", second.Run)
	if read(t, one, "daily_summaries.json") != read(t, two, "daily_summaries.json") {
		t.Error("the summaries differ")
	}
	pinned := strings.NewReplacer(
		first.Run, "RUN", second.Run, "RUN",
		first.StartedAt.Format(time.RFC3339Nano), "TIME", second.StartedAt.Format(time.RFC3339Nano), "TIME",
		first.EndedAt.Format(time.RFC3339Nano), "TIME", second.EndedAt.Format(time.RFC3339Nano), "TIME")
	if got, want := pinned.Replace(read(t, two, "lineage.json")), pinned.Replace(read(t, one, "lineage.json")); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if len(names(t, folder, "raw")) != 1 {
		t.Error("the input was stored twice")
	}
}

func TestCriticalRulesNameTheirLinesAndServeNothing(t *testing.T) {
	t.Parallel()
	order := func(id, customer, at, items string) string {
		return fmt.Sprintf(`{"order_id":%s,"customer_id":%s,"placed_at":%s,"items":%s}`, id, customer, at, items)
	}
	item := func(sku, quantity, price string) string {
		return fmt.Sprintf(`[{"sku":%s,"quantity":%s,"unit_price_cents":%s}]`, sku, quantity, price)
	}
	at, fine := `"2026-11-18T08:15:00Z"`, item(`"A"`, "1", "1")
	tests := map[string]struct{ line, rule string }{
		"no json":            {`{`, "schema"},
		"cut off":            {order(`"X"`, `"c"`, at, fine)[:60], "schema"},
		"unknown member":     {`{"extra":1}`, "schema"},
		"other case":         {`{"ORDER_ID":"X"}`, "schema"},
		"repeated member":    {`{"order_id":"X","order_id":"Y"}`, "schema"},
		"two values":         {`{} {}`, "schema"},
		"not an object":      {`["X"]`, "schema"},
		"null":               {`null`, "schema"},
		"fraction":           {order(`"X"`, `"c"`, at, item(`"A"`, "1.0", "1")), "schema"},
		"exponent":           {order(`"X"`, `"c"`, at, item(`"A"`, "1e1", "1")), "schema"},
		"leading zero":       {order(`"X"`, `"c"`, at, item(`"A"`, "01", "1")), "schema"},
		"beyond 64 bits":     {order(`"X"`, `"c"`, at, item(`"A"`, "1", "9223372036854775808")), "schema"},
		"number as text":     {order(`"X"`, `"c"`, at, item(`"A"`, `"1"`, "1")), "schema"},
		"bad escape":         {order(`"\x"`, `"c"`, at, fine), "schema"},
		"raw control":        {order("\"\x01\"", `"c"`, at, fine), "schema"},
		"NUL":                {"\x00", "schema"},
		"NUL in text":        {order("\"X\x00\"", `"c"`, at, fine), "schema"},
		"invalid UTF-8":      {order("\"X\xff\"", `"c"`, at, fine), "schema"},
		"UTF-16":             {"\xff\xfe{\x00}\x00", "schema"},
		"deep":               {strings.Repeat(`[`, 100_000), "schema"},
		"deep items":         {order(`"X"`, `"c"`, at, strings.Repeat(`[`, 100_000)), "schema"},
		"huge line":          {`{"order_id":"` + strings.Repeat("x", pipeline.MaxLineBytes), "schema"},
		"many items":         {order(`"X"`, `"c"`, at, "["+strings.Repeat(`{},`, 100)+"{}]"), "schema"},
		"no order id":        {order("null", `"c"`, at, fine), "not_null"},
		"no customer":        {order(`"X"`, "null", at, fine), "not_null"},
		"no time":            {order(`"X"`, `"c"`, "null", fine), "not_null"},
		"items null":         {order(`"X"`, `"c"`, at, "null"), "not_null"},
		"no items":           {order(`"X"`, `"c"`, at, "[]"), "not_null"},
		"no sku":             {order(`"X"`, `"c"`, at, item("null", "1", "1")), "not_null"},
		"no quantity":        {order(`"X"`, `"c"`, at, item(`"A"`, "null", "1")), "not_null"},
		"no price":           {order(`"X"`, `"c"`, at, `[{"sku":"A","quantity":1}]`), "not_null"},
		"empty id":           {order(`""`, `"c"`, at, fine), "format"},
		"id with a space":    {order(`"a b"`, `"c"`, at, fine), "format"},
		"escaped NUL":        {order(`"a\u0000"`, `"c"`, at, fine), "format"},
		"half a surrogate":   {order(`"\ud800"`, `"c"`, at, fine), "format"},
		"customer too long":  {order(`"X"`, `"`+strings.Repeat("c", 65)+`"`, at, fine), "format"},
		"sku of other signs": {order(`"X"`, `"c"`, at, item(`"é"`, "1", "1")), "format"},
		"no offset":          {order(`"X"`, `"c"`, `"2026-11-18T08:15:00"`, fine), "format"},
		"leap day":           {order(`"X"`, `"c"`, `"2026-02-29T08:15:00Z"`, fine), "format"},
		"comma":              {order(`"X"`, `"c"`, `"2026-11-18T08:15:00,5Z"`, fine), "format"},
		"offset of 24 hours": {order(`"X"`, `"c"`, `"2026-11-18T08:15:00+24:00"`, fine), "format"},
		"offset of 60 min":   {order(`"X"`, `"c"`, `"2026-11-18T08:15:00+01:60"`, fine), "format"},
		"no time of day":     {order(`"X"`, `"c"`, `"2026-11-18"`, fine), "format"},
		"the year 1":         {order(`"X"`, `"c"`, `"0001-01-01T00:00:00Z"`, fine), "range"},
		"short hour":         {order(`"X"`, `"c"`, `"2026-11-18T8:15:00Z"`, fine), "format"},
		"long ago":           {order(`"X"`, `"c"`, `"1999-12-31T23:59:59Z"`, fine), "range"},
		"far away":           {order(`"X"`, `"c"`, `"2100-01-01T00:00:00Z"`, fine), "range"},
		"quantity 0":         {order(`"X"`, `"c"`, at, item(`"A"`, "0", "1")), "range"},
		"quantity":           {order(`"X"`, `"c"`, at, item(`"A"`, "10001", "1")), "range"},
		"price below":        {order(`"X"`, `"c"`, at, item(`"A"`, "1", "-1")), "range"},
		"price above":        {order(`"X"`, `"c"`, at, item(`"A"`, "1", "100000001")), "range"},
		"sku twice":          {order(`"X"`, `"c"`, at, `[{"sku":"A","quantity":1,"unit_price_cents":1},{"sku":"A","quantity":1,"unit_price_cents":1}]`), "range"},
		"other content":      {order(`"A-1"`, `"c"`, at, fine), "conflict"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			before := serve(t, folder, good)

			lineage, err := pipeline.Run(t.Context(), settings(folder, good+"\n"+test.line))

			broken := result(t, lineage, test.rule)
			if !errors.Is(err, pipeline.ErrRefused) || !strings.Contains(err.Error(), test.rule+" in 1 rows, lines 4 (") {
				t.Errorf("got %v, want %s in line 4", err, test.rule)
			}
			if len(err.Error()) > 1000 || broken.Count != 1 || !slices.Equal(broken.Lines, []int64{4}) || lineage.Outcome != pipeline.OutcomeRefused {
				t.Errorf("got %+v", lineage)
			}
			if current, err := os.Readlink(filepath.Join(folder, "current")); err != nil || filepath.Base(current) != before.Run {
				t.Errorf("%s is served, %v; want %s", current, err, before.Run)
			}
			if got := names(t, folder, "runs", lineage.Run); !slices.Equal(got, []string{"lineage.json"}) {
				t.Errorf("a refused run left %v", got)
			}
			wantNothingLeft(t, folder)
		})
	}
}

func TestInputThatOnlyLooksHostileIsServed(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"byte order mark":       "\xef\xbb\xbf" + good,
		"CRLF":                  strings.ReplaceAll(good, "\n", "\r\n"),
		"no newline at the end": strings.TrimSuffix(good, "\n"),
		"blank lines":           "\n \t\r\n" + strings.ReplaceAll(good, "\n", "\n\n"),
		"spaces":                strings.NewReplacer(`":`, "\" : ", ",", " , ").Replace(good),
		"escapes":               strings.ReplaceAll(good, "A-1", `\u0041-1`),
		"a line at the limit":   strings.Replace(good, "{", "{"+strings.Repeat(" ", pipeline.MaxLineBytes-strings.Index(good, "\n")), 1),
	}
	want := []pipeline.DailySummary{
		{Date: "2026-11-18", Orders: 1, RevenueCents: 2500},
		{Date: "2026-11-19", Orders: 1, RevenueCents: 2500},
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()

			lineage := serve(t, folder, text)

			if got := served(t, folder); !slices.Equal(got, want) {
				t.Errorf("got %v, want %v", got, want)
			}
			if raw := read(t, folder, lineage.RawFile); raw != text {
				t.Errorf("%d bytes were stored of %d", len(raw), len(text))
			}
		})
	}
}

func TestAnInputWithoutRowsIsRefused(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{"empty": "", "blank": "\n\r\n  \n", "a mark alone": "\xef\xbb\xbf"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			lineage, err := pipeline.Run(t.Context(), settings(t.TempDir(), text))

			if !errors.Is(err, pipeline.ErrRefused) || result(t, lineage, "not_empty").Count != 1 {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestSharesDecideHowMuchIsTolerated(t *testing.T) {
	t.Parallel()
	conflict := strings.Replace(good, "c-1", "c-9", 1)
	first, _, _ := strings.Cut(good, "\n")
	tests := map[string]struct {
		text   string
		limits pipeline.Limits
		rows   pipeline.Counts
		served bool
	}{
		"a third is rejected and allowed":     {good + "{", pipeline.Limits{RejectedShare: 0.34, WarningShare: 1}, pipeline.Counts{Read: 3, Accepted: 2, Rejected: 1}, true},
		"a third is rejected, less allowed":   {good + "{", pipeline.Limits{RejectedShare: 0.33, WarningShare: 1}, pipeline.Counts{Read: 3, Accepted: 2, Rejected: 1}, false},
		"exactly as many as are allowed":      {strings.Repeat("{\n", 29) + strings.Repeat(good, 35) + first, pipeline.Limits{RejectedShare: 0.29, WarningShare: 1}, pipeline.Counts{Read: 100, Accepted: 2, Duplicates: 69, Rejected: 29}, true},
		"half repeats and is allowed":         {good + good, pipeline.Limits{WarningShare: 0.5}, pipeline.Counts{Read: 4, Accepted: 2, Duplicates: 2}, true},
		"half repeats, less allowed":          {good + good, pipeline.Limits{WarningShare: 0.49}, pipeline.Counts{Read: 4, Accepted: 2, Duplicates: 2}, false},
		"a conflict rejects both rows":        {good + conflict, pipeline.Limits{RejectedShare: 0.5, WarningShare: 1}, pipeline.Counts{Read: 4, Accepted: 1, Duplicates: 1, Rejected: 2}, true},
		"nothing but broken rows, allowed":    {"{\n{", pipeline.Limits{RejectedShare: 1, WarningShare: 1}, pipeline.Counts{Read: 2, Rejected: 2}, true},
		"a conflict and its own repetition":   {first + "\n" + first + "\n" + conflict, pipeline.Limits{RejectedShare: 1, WarningShare: 1}, pipeline.Counts{Read: 4, Accepted: 1, Rejected: 3}, true},
		"no row at all, everything tolerated": {"", pipeline.Limits{RejectedShare: 1, WarningShare: 1}, pipeline.Counts{}, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			given := settings(t.TempDir(), test.text)
			given.Limits = test.limits

			lineage, err := pipeline.Run(t.Context(), given)

			if test.served != (err == nil) || !test.served && !errors.Is(err, pipeline.ErrRefused) {
				t.Errorf("got %v, want served %t", err, test.served)
			}
			if lineage.Rows != test.rows {
				t.Errorf("got %+v, want %+v", lineage.Rows, test.rows)
			}
		})
	}
}

func TestACatalogueIsAReference(t *testing.T) {
	t.Parallel()
	known, errKnown := pipeline.ReadCatalogue("known.txt", strings.NewReader("KEEL-1\r\n\nSAIL-3"))
	other, errOther := pipeline.ReadCatalogue("other.txt", strings.NewReader("SAIL-3\n"))
	if err := errors.Join(errKnown, errOther); err != nil {
		t.Fatal(err)
	}
	within, without := settings(t.TempDir(), good), settings(t.TempDir(), good)
	within.Catalogue, without.Catalogue = known, other

	lineage, errWithin := pipeline.Run(t.Context(), within)
	refused, errWithout := pipeline.Run(t.Context(), without)

	if errWithin != nil || lineage.Catalogue == nil || lineage.Catalogue.Name != "known.txt" || lineage.Catalogue.Bytes != 15 {
		t.Errorf("got %+v, %v", lineage.Catalogue, errWithin)
	}
	if broken := result(t, refused, "reference"); !errors.Is(errWithout, pipeline.ErrRefused) || !slices.Equal(broken.Lines, []int64{1, 2}) {
		t.Errorf("got %+v, %v", broken, errWithout)
	}
}

func TestACatalogueIsReadStrictly(t *testing.T) {
	t.Parallel()
	many := strings.Builder{}
	for i := range pipeline.MaxCatalogue + 1 {
		many.WriteString(strconv.Itoa(i) + "\n")
	}
	tests := map[string]struct {
		source io.Reader
		want   string
	}{
		"strange article": {strings.NewReader("A\nB C\n"), "line 2"},
		"too many":        {strings.NewReader(many.String()), "more than"},
		"too long":        {io.LimitReader(endless{}, 1<<30), "line 1"},
		"broken":          {broken{}, "closed pipe"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			_, err := pipeline.ReadCatalogue("catalogue.txt", test.source)

			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "catalogue.txt") {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

type endless struct{}

func (endless) Read(target []byte) (int, error) {
	for i := range target {
		target[i] = 'x'
	}
	return len(target), nil
}

type broken struct{}

func (broken) Read([]byte) (int, error) {
	return 0, io.ErrClosedPipe
}

func (broken) Close() error {
	return nil
}

func TestOnlyTheFirstTwentyLinesAreNamed(t *testing.T) {
	t.Parallel()
	given := settings(t.TempDir(), strings.Repeat(good, 50))
	given.Limits.WarningShare = 0.5

	lineage, err := pipeline.Run(t.Context(), given)

	repeated := result(t, lineage, "duplicate")
	want := make([]int64, 0, 20)
	for line := range int64(20) {
		want = append(want, line+3)
	}
	if !errors.Is(err, pipeline.ErrRefused) || repeated.Count != 98 || !slices.Equal(repeated.Lines, want) || repeated.Example != "the order repeats line 1" {
		t.Errorf("got %+v, %v", repeated, err)
	}
}

func TestADayOfMoreThan64BitsIsRefusedWhateverIsTolerated(t *testing.T) {
	t.Parallel()
	tolerant := pipeline.Limits{RejectedShare: 1, WarningShare: 1}
	want := pipeline.DailySummary{Date: "1970-01-01", Orders: 2, RevenueCents: math.MaxInt64}

	most, _, fine := pipeline.ServeOneDay(tolerant, math.MaxInt64-5, 5)
	_, counts, broken := pipeline.ServeOneDay(tolerant, math.MaxInt64-5, 6)

	if len(most) != 1 || most[0] != want || len(fine) != 0 {
		t.Errorf("got %v, %v", most, fine)
	}
	if len(broken) != 1 || broken[0].Rule != "overflow" || !slices.Equal(broken[0].Lines, []int64{2}) || counts.Rejected != 1 {
		t.Errorf("got %+v, %+v", broken, counts)
	}
}

type orders struct {
	lines  []string
	orders int64
	cents  int64
}

func randomOrders(random *rand.Rand, prefix string, count int) orders {
	var made orders
	for i := range count {
		quantity, price := 1+random.Int64N(10), random.Int64N(1000)
		at := time.Date(2026, 11, 1, 0, 0, random.IntN(5*86400), 0, time.FixedZone("", 3600*(random.IntN(24)-12)))
		made.lines = append(made.lines, fmt.Sprintf(`{"order_id":"%s-%d","customer_id":"c-%d","placed_at":"%s","items":[{"sku":"A","quantity":%d,"unit_price_cents":%d}]}`+"\n",
			prefix, i, random.IntN(9), at.Format(time.RFC3339), quantity, price))
		made.orders++
		made.cents += quantity * price
	}
	return made
}

func days(t *testing.T, lines []string, memory int64) map[string]pipeline.DailySummary {
	t.Helper()
	given := settings(t.TempDir(), strings.Join(lines, ""))
	given.SortMemory = memory
	lineage, err := pipeline.Run(t.Context(), given)
	if err != nil {
		t.Fatal(err)
	}
	if rows := lineage.Rows; rows.Read != rows.Accepted+rows.Duplicates+rows.Rejected {
		t.Fatalf("rows are lost: %+v", rows)
	}
	found := map[string]pipeline.DailySummary{}
	for _, day := range served(t, given.Folder) {
		found[day.Date] = day
	}
	return found
}

func sum(parts ...map[string]pipeline.DailySummary) map[string]pipeline.DailySummary {
	whole := map[string]pipeline.DailySummary{}
	for _, part := range parts {
		for date, day := range part {
			whole[date] = pipeline.DailySummary{
				Date: date, Orders: whole[date].Orders + day.Orders, RevenueCents: whole[date].RevenueCents + day.RevenueCents,
			}
		}
	}
	return whole
}

func TestOrderAndRepetitionOfLinesAndMemoryChangeNothing(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(3, 4))
	for range 30 {
		one, two := randomOrders(random, "one", 1+random.IntN(60)), randomOrders(random, "two", 1+random.IntN(60))
		lines := slices.Concat(one.lines, two.lines)
		want := days(t, lines, 1<<20)
		for range random.IntN(2 * len(lines)) {
			lines = append(lines, lines[random.IntN(len(lines))])
		}
		random.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })

		got := days(t, lines, int64(random.IntN(20*56)))
		parts := sum(days(t, one.lines, 1<<20), days(t, two.lines, 1<<20))

		var all pipeline.DailySummary
		for _, day := range got {
			all.Orders += day.Orders
			all.RevenueCents += day.RevenueCents
		}
		if fmt.Sprint(got) != fmt.Sprint(want) || fmt.Sprint(parts) != fmt.Sprint(want) {
			t.Fatalf("got %v, and %v in parts; want %v", got, parts, want)
		}
		if all.Orders != one.orders+two.orders || all.RevenueCents != one.cents+two.cents {
			t.Fatalf("got %+v, want %d orders of %d", all, one.orders+two.orders, one.cents+two.cents)
		}
	}
}

type watchedDisk struct {
	quickDisk

	created *[]string
	broken  string
}

var errDisk = errors.New("input/output error")

func (d watchedDisk) Create(path string) (pipeline.Output, error) {
	*d.created = append(*d.created, filepath.Base(path))
	file, err := d.quickDisk.Create(path)
	if filepath.Base(path) == d.broken {
		return unsyncable{file}, err
	}
	return file, err
}

func (d watchedDisk) SyncFolder(path string) error {
	if filepath.Base(path) == d.broken {
		return errDisk
	}
	return nil
}

type unsyncable struct {
	pipeline.Output
}

func (unsyncable) Sync() error {
	return errDisk
}

func TestManyRunsAreMergedLevelByLevel(t *testing.T) {
	t.Parallel()
	made := randomOrders(rand.New(rand.NewPCG(5, 6)), "o", 150)
	given := settings(t.TempDir(), strings.Join(slices.Concat(made.lines, made.lines), ""))
	var created []string
	given.SortMemory, given.Disk = 1, watchedDisk{created: &created}

	lineage, err := pipeline.Run(t.Context(), given)

	spilled := slices.DeleteFunc(created, func(name string) bool { return !strings.HasPrefix(name, "sales-") })
	if err != nil || lineage.Rows.Accepted != 150 || lineage.Rows.Duplicates != 150 {
		t.Errorf("got %+v, %v", lineage.Rows, err)
	}
	if len(spilled) != 302 {
		t.Errorf("%d runs were written, want 300 and 2 that are merged of 128 each", len(spilled))
	}
}

func TestWhatDoesNotReachTheDiskIsNotServed(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"input.ndjson", "daily_summaries.json", "lineage.json", "raw", "run", "runs"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			given := settings(t.TempDir(), good)
			given.Disk = watchedDisk{created: &[]string{}, broken: name}

			_, err := pipeline.Run(t.Context(), given)

			if _, errLink := os.Readlink(filepath.Join(given.Folder, "current")); !errors.Is(err, errDisk) || !errors.Is(errLink, os.ErrNotExist) {
				t.Errorf("got %v, and current is there: %v", err, errLink)
			}
		})
	}
}

func TestAnOrderThatDiffersInAnythingIsAConflict(t *testing.T) {
	t.Parallel()
	line, _, _ := strings.Cut(good, "\n")
	for name, change := range map[string][2]string{
		"customer": {"c-1", "c-2"},
		"second":   {"15:00Z", "15:01Z"},
		"fraction": {"15:00Z", "15:00.000000001Z"},
		"sku":      {"KEEL-1", "KEEL-2"},
		"quantity": {`"quantity":2`, `"quantity":3`},
		"price":    {"1250", "1251"},
		"same sum": {`"quantity":2,"unit_price_cents":1250`, `"quantity":1,"unit_price_cents":2500`},
		"item":     {"}]", `},{"sku":"B","quantity":1,"unit_price_cents":0}]`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			lineage, err := pipeline.Run(t.Context(), settings(t.TempDir(), line+"\n"+strings.Replace(line, change[0], change[1], 1)))

			if !errors.Is(err, pipeline.ErrRefused) || result(t, lineage, "conflict").Count != 1 || lineage.Rows.Rejected != 2 {
				t.Errorf("got %+v, %v", lineage.Rows, err)
			}
		})
	}
}

func TestWhatCannotBeReadIsToldAndChangesNothing(t *testing.T) {
	t.Parallel()
	tests := map[string]func() (io.ReadCloser, error){
		"missing":        func() (io.ReadCloser, error) { return nil, os.ErrNotExist },
		"broken at once": func() (io.ReadCloser, error) { return broken{}, nil },
		"broken half way": func() (io.ReadCloser, error) {
			return io.NopCloser(io.MultiReader(strings.NewReader(good), broken{})), nil
		},
	}
	for name, open := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			before := serve(t, folder, good)
			given := settings(folder, good)
			given.Source.Open = open

			_, err := pipeline.Run(t.Context(), given)

			if !errors.Is(err, os.ErrNotExist) && !errors.Is(err, io.ErrClosedPipe) || errors.Is(err, pipeline.ErrRefused) {
				t.Errorf("got %v", err)
			}
			if got := names(t, folder, "runs"); !slices.Equal(got, []string{before.Run}) {
				t.Errorf("runs are %v", got)
			}
			wantNothingLeft(t, folder)
		})
	}
}

func TestFileSourceRefusesWhatIsNoFile(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path := filepath.Join(folder, "orders.ndjson")
	if err := os.WriteFile(path, []byte(good), 0o600); err != nil {
		t.Fatal(err)
	}

	file, errFile := pipeline.FileSource(path)
	stdin, errStdin := pipeline.FileSource("-")
	_, errFolder := pipeline.FileSource(folder)
	_, errMissing := pipeline.FileSource(path + "x")

	if err := errors.Join(errFile, errStdin); err != nil || file.Size != int64(len(good)) || file.Name != "orders.ndjson" || stdin.Name != "stdin" {
		t.Errorf("got %+v, %+v, %v", file, stdin, err)
	}
	if errFolder == nil || !errors.Is(errMissing, os.ErrNotExist) {
		t.Errorf("got %v and %v", errFolder, errMissing)
	}
	opened, err := file.Open()
	if err != nil {
		t.Fatal(err)
	}
	if content, err := io.ReadAll(opened); err != nil || string(content) != good || opened.Close() != nil {
		t.Errorf("got %q, %v", content, err)
	}
}

type fullDisk struct {
	quickDisk

	left *atomic.Int64
}

var errFull = errors.New("no space left on device")

func (d fullDisk) Create(path string) (pipeline.Output, error) {
	file, err := d.quickDisk.Create(path)
	return fullFile{file, d.left}, err
}

type fullFile struct {
	pipeline.Output
	left *atomic.Int64
}

func (f fullFile) Write(content []byte) (int, error) {
	if f.left.Add(-int64(len(content))) < 0 {
		return 0, errFull
	}
	return f.Output.Write(content)
}

func TestAFullDiskLeavesWhatWasServed(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	before := serve(t, folder, good)
	given := settings(folder, strings.ReplaceAll(good, "A-", "B-"))
	given.SortMemory = 1
	var space, failures int64

	for {
		left := &atomic.Int64{}
		left.Store(space)
		given.Disk = fullDisk{left: left}
		_, err := pipeline.Run(t.Context(), given)
		if err == nil {
			break
		}

		failures++
		space += 16
		if current, errLink := os.Readlink(filepath.Join(folder, "current")); !errors.Is(err, errFull) || errLink != nil || filepath.Base(current) != before.Run {
			t.Fatalf("with %d bytes: %v, and %s is served, %v", space, err, current, errLink)
		}
		if got := names(t, folder, "runs"); len(got) != 1 {
			t.Fatalf("with %d bytes: runs are %v", space, got)
		}
		wantNothingLeft(t, folder)
	}

	if failures < 50 || len(names(t, folder, "runs")) != 2 {
		t.Errorf("%d failures, runs are %v", failures, names(t, folder, "runs"))
	}
}

func TestACancelledRunEndsAtOnceAndServesNothing(t *testing.T) {
	t.Parallel()
	silent, _ := io.Pipe()
	tests := map[string]struct {
		open    func() (io.ReadCloser, error)
		observe pipeline.Stage
		memory  int64
	}{
		"before":                  {from(good).Open, "", 1 << 20},
		"while it opens":          {func() (io.ReadCloser, error) { <-t.Context().Done(); return nil, io.EOF }, pipeline.StageIngest, 1 << 20},
		"while it reads":          {func() (io.ReadCloser, error) { return silent, nil }, pipeline.StageIngest, 1 << 20},
		"while it merges":         {from(good).Open, pipeline.StageTransform, 1},
		"while it sums":           {from(good).Open, pipeline.StageTransform, 1 << 20},
		"once all is transformed": {from(good).Open, "done", 1 << 20},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			given := settings(t.TempDir(), good)
			given.Source.Open, given.SortMemory = test.open, test.memory
			given.Observe = func(progress pipeline.Progress) {
				if progress.Stage == test.observe || test.observe == "done" && progress.Stage == pipeline.StageTransform && progress.State == pipeline.Done {
					cancel()
				}
			}
			if test.observe == "" {
				cancel()
			}

			_, err := pipeline.Run(ctx, given)

			if !errors.Is(err, context.Canceled) || len(names(t, given.Folder, "runs")) != 0 {
				t.Errorf("got %v and runs %v", err, names(t, given.Folder, "runs"))
			}
			wantNothingLeft(t, given.Folder)
		})
	}
}

func TestTwoRunsDoNotShareAFolder(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	given := settings(folder, good)
	var errSecond error
	given.Observe = func(progress pipeline.Progress) {
		if progress.Stage == pipeline.StageServe && progress.State == pipeline.Started {
			_, errSecond = pipeline.Run(t.Context(), settings(folder, good))
		}
	}

	_, errFirst := pipeline.Run(t.Context(), given)

	if errFirst != nil || !errors.Is(errSecond, pipeline.ErrBusy) {
		t.Errorf("got %v, then %v", errFirst, errSecond)
	}
}

func TestWhatAKilledRunLeftIsSweptAndOldRunsAreRemoved(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	first := serve(t, folder, good)
	if err := os.MkdirAll(filepath.Join(folder, ".work-1", "run"), 0o750); err != nil {
		t.Fatal(err)
	}
	orphan := filepath.Join(folder, "raw", strings.Repeat("0", 64)+".ndjson")
	if err := os.WriteFile(orphan, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	given := settings(folder, "{")
	given.KeepRuns = 3

	var last pipeline.Lineage
	for range 4 {
		lineage, err := pipeline.Run(t.Context(), given)
		if !errors.Is(err, pipeline.ErrRefused) {
			t.Fatal(err)
		}
		last = lineage
	}

	runs := names(t, folder, "runs")
	if len(runs) != 4 || runs[0] != first.Run || runs[3] != last.Run {
		t.Errorf("runs are %v; want that which is served, %s, and the last three", runs, first.Run)
	}
	if raw := names(t, folder, "raw"); len(raw) != 2 {
		t.Errorf("inputs are %v", raw)
	}
	wantNothingLeft(t, folder)
}

func TestWhatNoRunWroteIsNotRemoved(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	kept := []string{"raw/orders.ndjson", "raw/" + strings.Repeat("x", 64) + ".ndjson", "runs/marathon/lineage.json", "runs/20261121/lineage.json"}
	for _, name := range kept {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(folder, name)), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, name), []byte(good), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	source, err := pipeline.FileSource(filepath.Join(folder, kept[0]))
	if err != nil {
		t.Fatal(err)
	}
	given := settings(folder, "")
	given.Source, given.KeepRuns = source, 1

	for range 3 {
		if _, err := pipeline.Run(t.Context(), given); err != nil {
			t.Fatal(err)
		}
	}

	for _, name := range kept {
		if text := read(t, folder, name); text != good {
			t.Errorf("%s holds %q", name, text)
		}
	}
}

func TestAFolderThatCannotBeWrittenIsTold(t *testing.T) {
	t.Parallel()
	occupied := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(occupied, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	damaged := t.TempDir()
	lineage := serve(t, damaged, good)
	if err := os.WriteFile(filepath.Join(damaged, "runs", lineage.Run, "lineage.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	taken := t.TempDir()
	if err := os.MkdirAll(filepath.Join(taken, "current", "something"), 0o750); err != nil {
		t.Fatal(err)
	}
	for name, folder := range map[string]string{"a file": occupied, "below a file": filepath.Join(occupied, "x"), "damaged lineage": damaged, "current is a folder": taken} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			_, err := pipeline.Run(t.Context(), settings(folder, good))

			if err == nil || errors.Is(err, pipeline.ErrRefused) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestProgressIsToldByStage(t *testing.T) {
	t.Parallel()
	made := randomOrders(rand.New(rand.NewPCG(7, 8)), "o", 600)
	text := strings.Join(made.lines, "") + "\n\n"
	given := settings(t.TempDir(), text)
	var told []string
	var last int64
	given.Observe = func(progress pipeline.Progress) {
		told = append(told, fmt.Sprintf("%s %d %d", progress.Stage, progress.State, progress.Rows))
		last = max(last, progress.Bytes)
	}

	_, err := pipeline.Run(t.Context(), given)

	want := []string{
		"ingest 0 0", "ingest 1 256", "ingest 1 512", "ingest 2 600",
		"transform 0 0", "transform 1 256", "transform 1 512", "transform 2 600",
		"serve 0 0",
	}
	if err != nil || last != int64(len(text)) || len(told) != 10 || !slices.Equal(told[:9], want) || !strings.HasPrefix(told[9], "serve 2 ") {
		t.Errorf("got %q, %v", told, err)
	}
}

func FuzzRun(f *testing.F) {
	f.Add([]byte(good))
	f.Add([]byte("{}\n\n[]\n\"\xff\"\n"))
	f.Add([]byte(strings.ReplaceAll(good, "A-2", "A-1")))
	f.Fuzz(func(t *testing.T, input []byte) {
		given := settings(t.TempDir(), string(input))
		given.SortMemory = 1

		lineage, err := pipeline.Run(t.Context(), given)

		if err != nil && !errors.Is(err, pipeline.ErrRefused) {
			t.Fatal(err)
		}
		if rows := lineage.Rows; rows.Read != rows.Accepted+rows.Duplicates+rows.Rejected || (err == nil) != (lineage.Outcome == pipeline.OutcomeServed) {
			t.Errorf("got %+v, %v", lineage, err)
		}
		if raw := read(t, given.Folder, lineage.RawFile); !bytes.Equal([]byte(raw), input) {
			t.Error("what was stored is not what came")
		}
	})
}

func BenchmarkRun(b *testing.B) {
	made := randomOrders(rand.New(rand.NewPCG(9, 10)), "o", 10_000)
	text := strings.Join(made.lines, "")
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := pipeline.Run(b.Context(), settings(b.TempDir(), text)); err != nil {
			b.Fatal(err)
		}
	}
}
