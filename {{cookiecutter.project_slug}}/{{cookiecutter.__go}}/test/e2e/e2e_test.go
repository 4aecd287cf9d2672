package e2e_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	patience = 20 * time.Second
	order    = `{"customer_id":"c-1","items":[{"sku":"KEEL-1","quantity":2,"unit_price_cents":1250}]}`
)

func build(t *testing.T, name string) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), name)
	output, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "../../cmd/"+name).CombinedOutput()
	if err != nil {
		t.Fatalf("build %s: %v\n%s", name, err, output)
	}
	return binary
}

type process struct {
	command *exec.Cmd
	lines   chan map[string]any
	done    chan error
	http    string
	admin   string
}

func launch(t *testing.T, binary, started string, environment ...string) *process {
	t.Helper()
	command := exec.CommandContext(t.Context(), binary)
	command.Env = append([]string{"HTTP_ADDR=127.0.0.1:0", "ADMIN_ADDR=127.0.0.1:0"}, environment...)
	output, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	command.Stderr = os.Stderr
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	running := &process{command: command, lines: make(chan map[string]any, 1000), done: make(chan error, 1)}
	go running.read(output)
	line := running.await(t, started)
	running.http, _ = line["http_addr"].(string)
	running.admin, _ = line["admin_addr"].(string)
	return running
}

func (p *process) read(output io.Reader) {
	scanner := bufio.NewScanner(output)
	for scanner.Scan() {
		var line map[string]any
		if json.Unmarshal(scanner.Bytes(), &line) != nil {
			line = map[string]any{"msg": "no JSON: " + scanner.Text()}
		}
		p.lines <- line
	}
	close(p.lines)
	p.done <- p.command.Wait()
}

func (p *process) await(t *testing.T, message string) map[string]any {
	t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case line, open := <-p.lines:
			if !open {
				t.Fatalf("the process ended before %q", message)
			}
			if line["msg"] == message {
				return line
			}
			if strings.HasPrefix(fmt.Sprint(line["msg"]), "no JSON") {
				t.Errorf("%v", line["msg"])
			}
		case <-deadline:
			t.Fatalf("no %q in %s", message, patience)
		}
	}
}

func (p *process) terminate(t *testing.T) {
	t.Helper()
	if err := p.command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
}

func (p *process) awaitExit(t *testing.T, want int) {
	t.Helper()
	select {
	case <-p.done:
	case <-time.After(patience):
		t.Fatalf("still running after %s", patience)
	}
	if code := p.command.ProcessState.ExitCode(); code != want {
		t.Errorf("exit code %d, want %d", code, want)
	}
}

func call(t *testing.T, method, url, content string, header ...string) (int, http.Header, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, response.Header, string(text)
}

func awaitBody(t *testing.T, url, wanted string) {
	t.Helper()
	var last string
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); <-time.After(10 * time.Millisecond) {
		if _, _, last = call(t, http.MethodGet, url, ""); strings.Contains(last, wanted) {
			return
		}
	}
	t.Errorf("%s never held %q, but %q", url, wanted, last)
}

func TestPlaceReadSummariseMeasureStop(t *testing.T) {
	t.Parallel()
	api := launch(t, build(t, "api"), "Api started")
	base, admin := "http://"+api.http, "http://"+api.admin

	status, header, placed := call(t, http.MethodPost, base+"/v1/orders", order,
		"Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	_, _, found := call(t, http.MethodGet, base+header.Get("Location"), "")
	_, _, listed := call(t, http.MethodGet, base+"/v1/orders", "")

	if status != http.StatusCreated || found != placed || !strings.Contains(listed, strings.TrimSpace(placed)) {
		t.Errorf("placed %d %s, found %s, listed %s", status, placed, found, listed)
	}
	if line := api.await(t, "Request served"); line["trace_id"] != "0af7651916cd43dd8448eb211c80319c" || line["span_id"] == nil {
		t.Errorf("no trace in %v", line)
	}
	var answer struct {
		CreatedAt time.Time `json:"created_at"`
	}
	if err := json.Unmarshal([]byte(placed), &answer); err != nil {
		t.Fatal(err)
	}
	awaitBody(t, base+"/v1/summaries/daily?date="+answer.CreatedAt.Format(time.DateOnly), `"orders":1,"revenue_cents":2500`)
	awaitBody(t, admin+"/readyz", `"status":"ready"`)
	awaitBody(t, admin+"/metrics", "\norders_placed_total 1")
	awaitBody(t, admin+"/metrics", "\norders_revenue_cents_total 2500")
	if status, _, _ := call(t, http.MethodGet, base+"/metrics", ""); status != http.StatusNotFound {
		t.Errorf("the public port serves metrics: %d", status)
	}
	api.terminate(t)
	api.await(t, "Api stopped")
	api.awaitExit(t, 0)
}

func TestARequestThatIsOpenAtSIGTERMIsAnswered(t *testing.T) {
	t.Parallel()
	api := launch(t, build(t, "api"), "Api started")
	var dialer net.Dialer
	connection, err := dialer.DialContext(t.Context(), "tcp", api.http)
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	half := len(order) / 2
	_, err = fmt.Fprintf(connection, "POST /v1/orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(order), order[:half])
	if err != nil {
		t.Fatal(err)
	}
	awaitBody(t, "http://"+api.admin+"/metrics", "\nhttp_server_active_requests 1")

	api.terminate(t)
	api.await(t, "Stopping api")
	_, errRest := io.WriteString(connection, order[half:])
	response, err := http.ReadResponse(bufio.NewReader(connection), nil)

	if err := errors.Join(errRest, err); err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusCreated {
		t.Errorf("got %d", response.StatusCode)
	}
	api.awaitExit(t, 0)
}

func TestASecondSignalEndsAtOnce(t *testing.T) {
	t.Parallel()
	api := launch(t, build(t, "api"), "Api started", "DRAIN_DELAY=20s")

	api.terminate(t)
	api.await(t, "Draining traffic")
	if status, _, _ := call(t, http.MethodGet, "http://"+api.admin+"/readyz", ""); status != http.StatusServiceUnavailable {
		t.Errorf("ready while draining: %d", status)
	}
	if status, _, _ := call(t, http.MethodPost, "http://"+api.http+"/v1/orders", order); status != http.StatusCreated {
		t.Errorf("no service while draining: %d", status)
	}
	api.terminate(t)

	api.awaitExit(t, 1)
}

func TestBadConfigurationIsToldAtOnce(t *testing.T) {
	t.Parallel()
	command := exec.CommandContext(t.Context(), build(t, "api"))
	command.Env = []string{"HTTP_ADDR=nope", "LOG_LEVEL=loud", "REQUEST_TIMEOUT=soon"}
	var problems bytes.Buffer
	command.Stderr = &problems

	err := command.Run()

	if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != 2 {
		t.Errorf("got %v, want exit code 2", err)
	}
	for _, name := range []string{"HTTP_ADDR", "LOG_LEVEL", "REQUEST_TIMEOUT"} {
		if !strings.Contains(problems.String(), name) {
			t.Errorf("%s is not told in %s", name, problems.String())
		}
	}
}

func TestTheBinaryProbesItself(t *testing.T) {
	t.Parallel()
	binary := build(t, "api")
	api := launch(t, binary, "Api started")
	probe := func(address string) error {
		command := exec.CommandContext(t.Context(), binary, "healthcheck")
		command.Env = []string{"ADMIN_ADDR=" + address}
		return command.Run()
	}

	errAlive := probe(api.admin)
	api.terminate(t)
	api.awaitExit(t, 0)
	errDead := probe(api.admin)

	if exit, ok := errors.AsType[*exec.ExitError](errDead); errAlive != nil || !ok || exit.ExitCode() != 1 {
		t.Errorf("got %v, then %v", errAlive, errDead)
	}
}

func TestWorkerWithAStoreOfItsOwnWaitsForItsSignal(t *testing.T) {
	t.Parallel()
	worker := launch(t, build(t, "worker"), "Worker started")

	status, _, _ := call(t, http.MethodGet, "http://"+worker.admin+"/readyz", "")
	worker.terminate(t)
	worker.awaitExit(t, 0)

	if status != http.StatusOK {
		t.Errorf("got %d", status)
	}
}

func TestPipelineRunsOnTheExample(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	command := exec.CommandContext(t.Context(), build(t, "pipeline"))
	command.Env = []string{"PIPELINE_INPUT=../../examples/orders.ndjson", "PIPELINE_OUTPUT=" + folder}

	output, err := command.CombinedOutput()

	if err != nil {
		t.Fatalf("run: %v\n%s", err, output)
	}
	if served := below(t, folder, "daily_summaries.json"); !strings.Contains(served, `"revenue_cents": 97800`) {
		t.Errorf("got %q", served)
	}
}

func below(t *testing.T, folder, name string) string {
	t.Helper()
	var found string
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.Name() != name {
			return err
		}
		content, err := os.ReadFile(path)
		found = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
