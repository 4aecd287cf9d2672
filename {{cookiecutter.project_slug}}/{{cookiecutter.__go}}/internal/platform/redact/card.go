package redact

import (
	"strconv"
	"strings"
)

const (
	shortestCard = 13
	longestCard  = 19
	longestGroup = 6
	leastCard    = 1e12
)

// Number tells whether a number looks like that of a payment card.
func Number(value uint64) bool {
	if value < leastCard {
		return false
	}
	digits := strconv.FormatUint(value, 10)
	return len(digits) <= longestCard && isCard(digits)
}

type span struct {
	from, to int
}

func cards(text string) string {
	if !hasDigits(text, shortestCard) {
		return text
	}
	var clean strings.Builder
	written := 0
	for at := 0; at < len(text); {
		groups := run(text, at)
		if len(groups) == 0 {
			at++
			continue
		}
		for _, card := range cardsOf(text, groups) {
			clean.WriteString(text[written:card.from])
			clean.WriteString(Mark)
			written = card.to
		}
		at = groups[len(groups)-1].to
	}
	if written == 0 {
		return text
	}
	clean.WriteString(text[written:])
	return clean.String()
}

func hasDigits(text string, least int) bool {
	for i := range len(text) {
		if isDigit(text[i]) {
			if least--; least == 0 {
				return true
			}
		}
	}
	return false
}

func run(text string, at int) []span {
	var groups []span
	for at < len(text) && isDigit(text[at]) {
		from := at
		for at < len(text) && isDigit(text[at]) {
			at++
		}
		groups = append(groups, span{from, at})
		if at+1 >= len(text) || text[at] != ' ' && text[at] != '-' {
			break
		}
		at++
	}
	return groups
}

func cardsOf(text string, groups []span) []span {
	var found []span
	for first := 0; first < len(groups); first++ {
		var digits []byte
		for last := first; last < len(groups); last++ {
			digits = append(digits, text[groups[last].from:groups[last].to]...)
			if len(digits) > longestCard || last > first && isLong(groups[first:last+1]) {
				break
			}
			card := span{groups[first].from, groups[last].to}
			if standsAlone(text, card) && isCard(string(digits)) {
				found = append(found, card)
				first = last
				break
			}
		}
	}
	return found
}

func isLong(groups []span) bool {
	for _, group := range groups {
		if group.to-group.from > longestGroup {
			return true
		}
	}
	return false
}

func standsAlone(text string, card span) bool {
	if card.from > 0 && (isLetter(text[card.from-1]) || text[card.from-1] == '.') {
		return false
	}
	if card.to >= len(text) {
		return true
	}
	fraction := text[card.to] == '.' && card.to+1 < len(text) && isDigit(text[card.to+1])
	return !fraction && !isLetter(text[card.to])
}

func isCard(digits string) bool {
	if len(digits) < shortestCard || digits[0] < '2' || digits[0] > '6' {
		return false
	}
	sum := 0
	for i := range len(digits) {
		digit := int(digits[len(digits)-1-i] - '0')
		if i%2 == 1 {
			digit *= 2
			digit -= 9 * (digit / 10)
		}
		sum += digit
	}
	return sum%10 == 0
}

func isDigit(c byte) bool {
	return c >= '0' && c <= '9'
}

func isLetter(c byte) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' || c >= 0x80
}
