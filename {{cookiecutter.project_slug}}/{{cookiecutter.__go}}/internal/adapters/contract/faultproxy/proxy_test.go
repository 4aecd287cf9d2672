package faultproxy_test

import (
	"bufio"
	"context"
	"errors"
	"net"
	"os"
	"testing"
	"time"

	"{{ cookiecutter.__go_module }}/internal/adapters/contract/faultproxy"
)

func echo(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listen: %v", err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer connection.Close()
				for lines := bufio.NewScanner(connection); lines.Scan(); {
					_, _ = connection.Write([]byte(lines.Text() + "\n"))
				}
			}()
		}
	}()
	return listener.Addr().String()
}

func dial(t *testing.T, address string) net.Conn {
	t.Helper()
	connection, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatalf("dial: %v", err)
	}
	t.Cleanup(func() { connection.Close() })
	return connection
}

func say(connection net.Conn, limit time.Duration) (string, error) {
	_ = connection.SetDeadline(time.Now().Add(limit))
	if _, err := connection.Write([]byte("hello\n")); err != nil {
		return "", err
	}
	return bufio.NewReader(connection).ReadString('\n')
}

func TestProxyPassesUntilItIsToldOtherwise(t *testing.T) {
	t.Parallel()
	proxy := faultproxy.Start(t, "tcp", echo(t))
	connection := dial(t, proxy.Address())

	before, errBefore := say(connection, time.Minute)
	proxy.Refuse()
	_, errRefused := say(connection, time.Minute)
	_, errNew := say(dial(t, proxy.Address()), time.Minute)
	proxy.Heal()
	after, errAfter := say(dial(t, proxy.Address()), time.Minute)

	if err := errors.Join(errBefore, errAfter); err != nil || before != "hello\n" || after != "hello\n" {
		t.Errorf("got %q, %q, %v", before, after, err)
	}
	if errRefused == nil || errNew == nil {
		t.Errorf("refused connections answer: %v, %v", errRefused, errNew)
	}
}

func TestProxyCutsAnAnswerShort(t *testing.T) {
	t.Parallel()
	proxy := faultproxy.Start(t, "tcp", echo(t))
	connection := dial(t, proxy.Address())
	proxy.Cut(3)

	got, err := say(connection, time.Minute)

	if err == nil || got != "hel" {
		t.Errorf("got %q, %v; want the first three bytes", got, err)
	}
}

func TestProxyHoldsBackWhatItStalls(t *testing.T) {
	t.Parallel()
	proxy := faultproxy.Start(t, "tcp", echo(t))
	connection := dial(t, proxy.Address())
	proxy.Stall()

	_, errStalled := say(connection, 50*time.Millisecond)
	proxy.Heal()
	_ = connection.SetDeadline(time.Now().Add(time.Minute))
	late, errLate := bufio.NewReader(connection).ReadString('\n')

	if !errors.Is(errStalled, os.ErrDeadlineExceeded) || errLate != nil || late != "hello\n" {
		t.Errorf("got %v, then %q, %v", errStalled, late, errLate)
	}
}

func TestProxyDelaysWhatPasses(t *testing.T) {
	t.Parallel()
	proxy := faultproxy.Start(t, "tcp", echo(t))
	connection := dial(t, proxy.Address())
	proxy.Delay(30 * time.Millisecond)
	started := time.Now()

	_, err := say(connection, time.Minute)

	if took := time.Since(started); err != nil || took < 60*time.Millisecond {
		t.Errorf("took %s, %v; want two delays", took, err)
	}
}

func TestProxyWithoutAServerClosesItsClients(t *testing.T) {
	t.Parallel()
	var dialer net.Dialer
	proxy := faultproxy.Start(t, "unix", t.TempDir()+"/nothing")

	connection, err := dialer.DialContext(context.WithoutCancel(t.Context()), "tcp", proxy.Address())
	if err != nil {
		t.Fatalf("dial: %v", err)
	}
	defer connection.Close()
	_, err = say(connection, time.Minute)

	if err == nil {
		t.Error("a proxy without a server answers")
	}
}
