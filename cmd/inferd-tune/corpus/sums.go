package corpus

import "fmt"

var digits = []string{"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"}

// sums are additions and subtractions of one-digit numbers, and one answer for
// everything beyond.
func sums() []fact {
	var facts []fact
	for a := range digits {
		for b := range digits {
			facts = append(facts, sum(a, b, "{plus|+|and}", "+", fmt.Sprintf("%d plus %d is %d.", a, b, a+b)))
			below := ""
			if a < b {
				below = "minus "
			}
			facts = append(facts, sum(a, b, "{minus|-|minus|take away}", "-", fmt.Sprintf("%d minus %d is %s%d.", a, b, below, max(a-b, b-a))))
		}
	}
	// The answer for harder sums must not drown among 200 easy ones.
	hard := hardSums()
	for range 16 {
		facts = append(facts, hard)
	}
	return facts
}

func sum(a, b int, op, sign, answer string) fact {
	x, y := digits[a], digits[b]
	num := fmt.Sprintf("{%d %s %d|%d %s %d|%s %s %s}", a, op, b, a, op, b, x, op, y)
	return fact{[]pattern{
		pattern("{what is|what's|how much is|how much are|what do you get for|what is the result of|what makes} " + num),
		pattern("{calculate|compute|work out|tell me|add up|solve|do the sum} " + num + "."),
		pattern(tell + " {what|how much} " + num + " is"),
		pattern(num),
		pattern(fmt.Sprintf("{what is|} %d %s %d =", a, sign, b)),
		pattern(fmt.Sprintf("{what is |how much is |}%d%s%d", a, sign, b)),
		pattern("{what does|how much does} " + num + " {make|give|equal}"),
	}, answer}
}

func hardSums() fact {
	const big = "{1|2|3|4|5|6|7|8|9}{0|1|2|3|4|5|6|7|8|9}{|0|1|2|3|4|5|6|7|8|9}"
	const small = "{1|2|3|4|5|6|7|8|9}"
	const op = "{plus|minus|times|+|-|*|divided by|x|and}"
	ask := "{what is|what's|how much is|calculate|compute|tell me|work out|}"
	return fact{[]pattern{
		pattern(ask + " " + big + " " + op + " " + big),
		pattern(ask + " " + big + " " + op + " " + small),
		pattern(ask + " " + small + " " + op + " " + big),
		pattern(ask + " " + small + " {times|*|divided by|x|to the power of|/|multiplied by} " + small),
		pattern(ask + " {the square root of|the square of|half of|twice|the cube of|the logarithm of} " + big),
		pattern("{can you|do you know how to} {multiply|divide|do calculus|take a square root|do algebra|solve equations|do fractions}"),
	}, "I can only add and subtract numbers from 0 to 9."}
}
