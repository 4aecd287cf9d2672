package pipeline

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

const (
	// MaxLineBytes is the longest line that is read. A longer one is rejected without being held.
	MaxLineBytes = 1 << 20

	chunkBytes = 256 << 10
	chunks     = 4
)

// Source is an input of orders, one JSON object a line. Open may block; a run that is cancelled does not wait for it.
type Source struct {
	Name string
	Size int64
	Open func() (io.ReadCloser, error)
}

// FileSource reads a file, a named pipe, or the standard input when path is "-". Size is 0 where it is not known.
func FileSource(path string) (Source, error) {
	if path == "-" {
		return Source{Name: "stdin", Open: func() (io.ReadCloser, error) { return io.NopCloser(os.Stdin), nil }}, nil
	}
	about, err := os.Stat(path)
	if err != nil {
		return Source{}, fmt.Errorf("look at the input: %w", err)
	}
	if about.IsDir() {
		return Source{}, fmt.Errorf("look at the input: %s is a folder", path)
	}
	open := func() (io.ReadCloser, error) {
		return os.Open(path) //nolint:gosec // the operator names the input
	}
	return Source{Name: filepath.Base(path), Size: about.Size(), Open: open}, nil
}

type chunk struct {
	content []byte
	err     error
}

type ahead struct {
	read func() (chunk, error)
	free chan<- []byte
	held []byte
	rest []byte
}

func readAhead(ctx context.Context, source Source, copyTo io.WriteCloser) *ahead {
	full, free := make(chan chunk), make(chan []byte, chunks)
	for range chunks {
		free <- make([]byte, chunkBytes)
	}
	go func() {
		err := copyChunks(ctx, source, copyTo, free, full)
		select {
		case full <- chunk{err: err}:
		case <-ctx.Done():
		}
	}()
	read := func() (chunk, error) {
		select {
		case next := <-full:
			return next, next.err
		case <-ctx.Done():
			return chunk{}, ctx.Err()
		}
	}
	return &ahead{read: read, free: free}
}

func copyChunks(ctx context.Context, source Source, copyTo io.WriteCloser, free <-chan []byte, full chan<- chunk) (err error) {
	defer func() {
		if errClose := copyTo.Close(); errClose != nil && (err == nil || errors.Is(err, io.EOF)) {
			err = errClose
		}
	}()
	opened, err := source.Open()
	if err != nil {
		return fmt.Errorf("open the input: %w", err)
	}
	defer func() { _ = opened.Close() }()
	for ctx.Err() == nil {
		buffer := <-free
		count, err := opened.Read(buffer)
		if _, errCopy := copyTo.Write(buffer[:count]); errCopy != nil {
			return errCopy //nolint:wrapcheck // the copy says what it is
		}
		select {
		case full <- chunk{content: buffer[:count]}:
		case <-ctx.Done():
		}
		if err != nil {
			return err //nolint:wrapcheck // io.EOF is the end
		}
	}
	return ctx.Err() //nolint:wrapcheck // the reader has it already
}

func (a *ahead) Read(target []byte) (int, error) {
	for len(a.rest) == 0 {
		if a.held != nil {
			a.free <- a.held[:chunkBytes]
			a.held = nil
		}
		next, err := a.read()
		if err != nil {
			return 0, err
		}
		a.held, a.rest = next.content, next.content
	}
	count := copy(target, a.rest)
	a.rest = a.rest[count:]
	return count, nil
}

type line struct {
	number  int64
	bytes   int64
	content []byte
	tooLong bool
}

func eachLine(source io.Reader, use func(line) error) error {
	reader := bufio.NewReaderSize(source, MaxLineBytes+len("\r\n"))
	for number := int64(1); ; number++ {
		read, err := nextLine(reader)
		last := errors.Is(err, io.EOF)
		if err != nil && !last {
			return fmt.Errorf("read line %d: %w", number, err)
		}
		if read.number = number; number == 1 {
			read.content = bytes.TrimPrefix(read.content, []byte("\xef\xbb\xbf"))
		}
		if read.content = trim(read.content); read.tooLong || len(read.content) > 0 {
			if err := use(read); err != nil {
				return err
			}
		}
		if last {
			return nil
		}
	}
}

func nextLine(reader *bufio.Reader) (line, error) {
	content, err := reader.ReadSlice('\n')
	read := line{content: content, bytes: int64(len(content))}
	for errors.Is(err, bufio.ErrBufferFull) {
		read.tooLong, read.content = true, nil
		content, err = reader.ReadSlice('\n')
		read.bytes += int64(len(content))
	}
	return read, err //nolint:wrapcheck // the caller says which line was read last
}

func trim(text []byte) []byte {
	return bytes.Trim(text, " \t\r\n")
}
