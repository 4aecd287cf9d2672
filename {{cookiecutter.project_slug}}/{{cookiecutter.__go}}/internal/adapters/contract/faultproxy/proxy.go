package faultproxy

import (
	"context"
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

const (
	bufferSize = 16 << 10
	unlimited  = -1
)

// Proxy stands between a client and a server and breaks what passes. Its client side is TCP on the loopback interface.
type Proxy struct {
	network  string
	upstream string
	listener net.Listener

	mutex    sync.Mutex
	links    map[*link]struct{}
	refusing bool
	stalled  bool
	delay    time.Duration
	budget   int64
	changed  chan struct{}
}

type link struct {
	client, server net.Conn
}

// Start listens until the test ends. The network and the address of the server are those of net.Dial: tcp or unix.
func Start(tb testing.TB, network, upstream string) *Proxy {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // returns at once
	if err != nil {
		tb.Fatalf("listen: %v", err)
	}
	p := &Proxy{
		network: network, upstream: upstream, listener: listener,
		links: map[*link]struct{}{}, budget: unlimited, changed: make(chan struct{}),
	}
	var group sync.WaitGroup
	group.Go(func() { p.accept(context.WithoutCancel(tb.Context()), &group) })
	tb.Cleanup(func() {
		_ = listener.Close()
		p.Refuse()
		group.Wait()
	})
	return p
}

func (p *Proxy) Address() string {
	return p.listener.Addr().String()
}

// Refuse closes every connection and each new one.
func (p *Proxy) Refuse() {
	p.set(func() {
		p.refusing, p.stalled = true, false
		p.closeAll()
	})
}

// Cut lets the server send that many bytes more, then refuses. Requests still reach the server: with 0 its next answer
// is lost.
func (p *Proxy) Cut(bytes int64) {
	p.set(func() { p.budget = bytes })
}

// Stall keeps every connection open and lets nothing pass, as a network does that has lost one of its ends.
func (p *Proxy) Stall() {
	p.set(func() { p.stalled = true })
}

func (p *Proxy) Delay(each time.Duration) {
	p.set(func() { p.delay = each })
}

func (p *Proxy) Heal() {
	p.set(func() { p.refusing, p.stalled, p.delay, p.budget = false, false, 0, unlimited })
}

func (p *Proxy) set(change func()) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	change()
	close(p.changed)
	p.changed = make(chan struct{})
}

func (p *Proxy) closeAll() {
	for one := range p.links {
		_ = one.client.Close()
		_ = one.server.Close()
	}
}

func (p *Proxy) accept(ctx context.Context, group *sync.WaitGroup) {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		group.Go(func() { p.serve(ctx, client) })
	}
}

func (p *Proxy) serve(ctx context.Context, client net.Conn) {
	defer func() { _ = client.Close() }()
	if p.isRefusing() {
		return
	}
	var dialer net.Dialer
	server, err := dialer.DialContext(ctx, p.network, p.upstream)
	if err != nil {
		return
	}
	one := &link{client: client, server: server}
	if !p.add(one) {
		_ = server.Close()
		return
	}
	defer p.remove(one)
	var pumps sync.WaitGroup
	pumps.Go(func() { p.pump(one, server, client, false) })
	pumps.Go(func() { p.pump(one, client, server, true) })
	pumps.Wait()
}

func (p *Proxy) isRefusing() bool {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return p.refusing
}

func (p *Proxy) add(one *link) bool {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.refusing {
		return false
	}
	p.links[one] = struct{}{}
	return true
}

func (p *Proxy) remove(one *link) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	delete(p.links, one)
}

func (p *Proxy) pump(one *link, to io.Writer, from io.Reader, answers bool) {
	defer func() {
		_ = one.client.Close()
		_ = one.server.Close()
	}()
	buffer := make([]byte, bufferSize)
	for {
		read, err := from.Read(buffer)
		if read > 0 {
			allowed := p.pass(int64(read), answers)
			if _, err := to.Write(buffer[:allowed]); err != nil || allowed < int64(read) {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func (p *Proxy) pass(size int64, answers bool) int64 {
	for {
		p.mutex.Lock()
		changed, delay, stalled := p.changed, p.delay, p.stalled
		p.mutex.Unlock()
		switch {
		case stalled:
			<-changed
		case delay > 0 && !waited(changed, delay):
		default:
			return p.spend(size, answers)
		}
	}
}

func waited(changed <-chan struct{}, delay time.Duration) bool {
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-changed:
		return false
	}
}

func (p *Proxy) spend(size int64, answers bool) int64 {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.refusing {
		return 0
	}
	if !answers || p.budget == unlimited {
		return size
	}
	if size <= p.budget {
		p.budget -= size
		return size
	}
	allowed := p.budget
	p.budget, p.refusing = 0, true
	return allowed
}
