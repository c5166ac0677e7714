package corpus

import (
	"fmt"
	"math/rand/v2"
)

// Labelled is one line of a set for a classifier head.
type Labelled struct {
	Text  string `json:"text"`
	Label string `json:"label"`
}

// intents are what people want from a kiosk. Wordings overlap on purpose:
// "where is" and "when" occur under many labels.
var intents = []struct {
	label string
	ask   []pattern
}{
	{"opening_hours", []pattern{
		"{when|at what time|until when|from when} {do you|does the library|does the station|does it} {open|close}{| today| on Sunday| on Monday| tomorrow}",
		"{what are|tell me} the opening {hours|times}{| of the library| on Saturday}",
		"{are you|is the library|is it} {still |}open {now|today|on Sunday|tomorrow|at night}",
	}},
	{"directions", []pattern{
		"{how do I get|what is the way|which way is it} to the {station|library|town hall|fountain|market}",
		"{can you show me|tell me|I need} the way to the {station|library|market|park|town hall}",
		"{where is|I am looking for|I cannot find} the {library|station|market|park|town hall}",
	}},
	{"prices", []pattern{
		"{how much is|what does|what is the price of} {a ticket|a library card|the entry|a coffee|a copy}{| cost| for children| for two}",
		"{how expensive is|what do I pay for} {a ticket|a card|the train|the entry|parking}",
		"is {it|the entry|the library|parking|the wifi} free{| for children| today}",
	}},
	{"lost_property", []pattern{
		"I {lost|have lost|forgot|cannot find} my {bag|phone|umbrella|keys|hat|coat|wallet}{| on the train| in the library| here| yesterday}",
		"{did somebody find|has anybody found|who has} my {bag|phone|umbrella|keys|hat|coat}",
		"where {do I ask for|can I look for|are} lost {things|bags|keys|phones}",
	}},
	{"toilets", []pattern{
		"where {is the|can I find a|is the nearest} {toilet|bathroom|restroom}{| please| for children}",
		"{are there|where are} {toilets|restrooms|bathrooms}{| here| in the library| at the station}",
		"{I need|my child needs} {the toilet|a toilet|a bathroom|the restroom}{| now| please}",
	}},
	{"wifi", []pattern{
		"{what is|tell me|I need} the {wifi|internet|network} password",
		"{is there|do you have|where is} {wifi|internet|a wireless network}{| here| in the library| on the train}",
		"{how do I|can I} {use|get|join} the {wifi|internet|network}{| here| with my phone}",
	}},
	{"staff", []pattern{
		"{can I|I want to|I would like to} {talk|speak} to {a person|somebody|the staff|a human|the manager}",
		"{I need|please get me|call} {help from a person|a member of staff|somebody|an employee|the manager}",
		"{who can help me|is anybody there|is there somebody}{| here| at the desk| in person}",
	}},
	{"trains", []pattern{
		"{when|at what time} {does|is} the {next|first|last} train{| to Oakhaven| to Millbury| to Greyhill| leave}",
		"{which|what} platform {is|for} the train to {Oakhaven|Millbury|Saltmarsh|Greyhill}",
		"{how long does|does} the train {to Oakhaven|to Millbury|to Greyhill} take{| today| at night}",
	}},
	{"greeting", []pattern{
		"{hello|hi|hey|good morning|good evening|good day}{| there| computer| everyone| inferd| my friend}",
		"{hello|hi|hey}, how are you{| today| doing}",
		"{nice|good|pleased} to meet you{| computer| too}",
	}},
	{"goodbye", []pattern{
		"{bye|goodbye|see you|see you later|good night|farewell}{| then| and thanks| my friend| everyone}",
		"{thanks|thank you|many thanks}{| a lot| very much| for your help}, {bye|goodbye|see you}",
		"{I have to go|I must leave|that is all|I am done}{| now| thank you| for today}",
	}},
}

// Intents draws n different texts for each label, label after label.
func Intents(seed uint64, n int) ([]Labelled, error) {
	r := rand.New(rand.NewPCG(seed, 0x696e74656e7473))
	var out []Labelled
	for _, in := range intents {
		seen := map[string]bool{}
		for tries := 0; len(seen) < n; tries++ {
			if tries > 100*n {
				return nil, fmt.Errorf("corpus: label %s has only %d of %d different texts", in.label, len(seen), n)
			}
			bare := in.ask[r.IntN(len(in.ask))].pick(r)
			if seen[bare] {
				continue
			}
			seen[bare] = true
			out = append(out, Labelled{dress(bare+".", r), in.label})
		}
	}
	return out, nil
}
