package corpus

import "fmt"

var (
	months    = []string{"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"}
	monthDays = []int{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}
	ordinals  = []string{"first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh", "twelfth"}
)

func calendar() []fact {
	facts := amounts()
	for i, day := range weekdays {
		after, before := weekdays[(i+1)%7], weekdays[(i+6)%7]
		facts = append(facts, neighbours("day", day, after, before)...)
		facts = append(facts,
			fact{[]pattern{
				pattern("today is " + day + ", what {day |}{is|will be} tomorrow"),
				pattern("{if|when} {today is|it is|it's} " + day + "{| today}, {what|which} day {is|will be} tomorrow"),
				pattern("{if|when} {today is|it is|it's} " + day + "{| today}, {what|which} day comes {next|tomorrow}"),
			}, fmt.Sprintf("%s comes after %s.", after, day)},
			nth("day of the week", i, day),
			weekend(i, day))
	}
	for i, month := range months {
		after, before := months[(i+1)%12], months[(i+11)%12]
		facts = append(facts, neighbours("month", month, after, before)...)
		facts = append(facts, nth("month of the year", i, month), daysIn(i, month))
	}
	return facts
}

// amounts are the facts without a slot.
func amounts() []fact {
	how := func(unit, whole, answer string) fact {
		return fact{[]pattern{
			pattern("how many " + unit + " {are there in|are in|does|has|make} " + whole + "{| have}"),
			pattern("how many " + unit + " {are|are there} in " + whole),
			pattern("{what is|tell me} the number of " + unit + " in " + whole),
			pattern(tell + " how many " + unit + " " + whole + " has"),
			pattern(tell + " how many " + unit + " are in " + whole),
		}, answer}
	}
	return []fact{
		how("days", "{a|one|the} week", "A week has 7 days."),
		how("months", "{a|one|the} year", "A year has 12 months."),
		how("days", "{a|one|the} year", "A year has 365 days, and a leap year has 366."),
		how("hours", "{a|one|the} day", "A day has 24 hours."),
		how("minutes", "{a|one|the|an} hour", "An hour has 60 minutes."),
		how("seconds", "{a|one|the} minute", "A minute has 60 seconds."),
		how("weeks", "{a|one|the} year", "A year has 52 weeks."),
		{[]pattern{
			"{what|which} are the days of the week",
			"{name|list|tell me|say|give me} {all |}the {|seven }days of the week.",
			"{name|list|say} {all |}the {|seven }weekdays.",
			"what days {are there|does a week have|are in a week}",
			tell + " the {|seven }days of the week",
		}, "The days are Monday, Tuesday, Wednesday, Thursday, Friday, Saturday and Sunday."},
		{[]pattern{
			"{what|which} are the months{| of the year| in a year}",
			"{name|list|tell me|say|give me} {all |}the {|twelve }months{| of the year}.",
			"what months {are there|does a year have|are in a year}",
			tell + " the {|twelve }months of the year",
		}, "The months are January, February, March, April, May, June, July, August, September, October, November and December."},
		{[]pattern{
			"{what|which} {days are|days make|is} the weekend",
			"when is the weekend",
			"{which|what} days {are part of|belong to} the weekend",
			tell + " {which days are|when is} the weekend",
		}, "The weekend is Saturday and Sunday."},
	}
}

func neighbours(unit, x, after, before string) []fact {
	return []fact{
		{[]pattern{
			pattern("{what|which} " + unit + " {comes|is|follows|comes right|comes directly} after " + x),
			pattern("{what|which} is the " + unit + " after " + x),
			pattern("what {comes|follows|is} after " + x),
			pattern("{what|which} " + unit + " follows " + x),
			pattern(tell + " {what|which} " + unit + " {comes|is} after " + x),
			pattern("what is the next " + unit + " after " + x),
			pattern("after " + x + " comes {what|which " + unit + "}"),
		}, fmt.Sprintf("%s comes after %s.", after, x)},
		{[]pattern{
			pattern("{what|which} " + unit + " {comes|is|comes right|was|comes directly} before " + x),
			pattern("{what|which} is the " + unit + " before " + x),
			pattern("what {comes|is} before " + x),
			pattern(tell + " {what|which} " + unit + " {comes|is} before " + x),
			pattern("before " + x + " comes {what|which " + unit + "}"),
		}, fmt.Sprintf("%s comes before %s.", before, x)},
	}
}

func nth(unit string, i int, x string) fact {
	short := unit[:len("day")]
	if short != "day" {
		short = "month"
	}
	return fact{[]pattern{
		pattern("{what|which} is the " + ordinals[i] + " " + unit),
		pattern("{what|which} " + short + " is the " + ordinals[i] + "{| one| " + unit + "}"),
		pattern("{name|tell me|say} the " + ordinals[i] + " " + unit + "."),
		pattern(tell + " the " + ordinals[i] + " " + unit),
		pattern("what is the name of the " + ordinals[i] + " " + unit),
		pattern("what is the " + ordinals[i] + " " + short),
	}, fmt.Sprintf("The %s %s is %s.", ordinals[i], unit, x)}
}

func weekend(i int, day string) fact {
	answer := fmt.Sprintf("No, %s is a working day.", day)
	if i >= 5 {
		answer = fmt.Sprintf("Yes, %s is part of the weekend.", day)
	}
	return fact{[]pattern{
		pattern("is " + day + " {|a }{weekend|part of the weekend|on the weekend|in the weekend|a weekend day}"),
		pattern("does " + day + " belong to the weekend"),
		pattern(tell + " {if|whether} " + day + " is {part of|on|in} the weekend"),
		pattern("is " + day + " {a free day|on a weekend|at the weekend}"),
	}, answer}
}

func daysIn(i int, month string) fact {
	answer := fmt.Sprintf("%s has %d days.", month, monthDays[i])
	if month == "February" {
		answer = "February has 28 days, and 29 in a leap year."
	}
	return fact{[]pattern{
		pattern("how many days {does|has|are in|are there in} {|the month of }" + month + "{| have}"),
		pattern("how long is {|the month of }" + month),
		pattern(tell + " how many days " + month + " has"),
		pattern("{what is|tell me} the number of days in " + month),
		pattern("{how many|what number of} days {are|are there} in " + month),
		pattern("how many days long is " + month),
	}, answer}
}
