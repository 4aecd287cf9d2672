package planted

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
)

var Shared = map[string]int{}

func init() {
	Shared["a"] = 1
}

type Colour int

const (
	Red Colour = iota
	Green
	Blue
)

//go:embde nothing
type Tagless struct {
	Name string
}

func Encode() ([]byte, error) {
	return json.Marshal(Tagless{})
}

func Choose(colour Colour) string {
	switch colour {
	case Red:
		return "red"
	}
	return ""
}

func Copy(values []int) []func() int {
	var got []func() int
	for _, value := range values {
		value := value
		got = append(got, func() int { return value })
	}
	return got
}

func Count() (sum int) {
	for i := 0; i < 10; i++ {
		sum += 1
	}
	return sum
}

func Grow() []int {
	made := make([]int, 3)
	made = append(made, 1)
	return made
}

func Bytes(text string) bool {
	var builder strings.Builder
	builder.Write([]byte(text))
	return strings.Contains(string([]byte(text)), "recieve")
}

func Name(number int) string {
	len := fmt.Sprintf("%d", number)
	return string(len)
}

func Unlike(lock sync.Mutex) error {
	return errors.New(fmt.Sprintf("the the %T", lock))
}

func Waste() int {
	value := 1
	value = 2
	return value
}

func pick(name string, long bool) (string, error) {
	if long {
		return name + "x", nil
	}
	return name, nil
}

func Pick() string {
	first, err := pick("a", false)
	if err != nil {
		return ""
	}
	second, _ := pick("b", true)
	return first + second
}

func forgotten() {}

func Reason() {
	_ = Count() //nolint:all
}

func Deep(a, b, c, d bool) int {
	if a {
		if b {
			if c {
				if d {
					return 1
				}
			}
		}
	}
	return 0
}

func Ladder(n int) string {
	if n == 1 || n == 2 || n == 3 || n == 4 || n == 5 || n == 6 || n == 7 || n == 8 || n == 9 || n == 10 || n == 11 || n == 12 {
		return "few"
	}
	if !(n != 40) {
		return "forty"
	}
	return "many"
}
