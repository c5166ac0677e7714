package corpus

import (
	"math/rand/v2"
	"strings"
)

// A hero is who a story is about, with what fits it.
type hero struct {
	animal, name, home, wish, friend string
}

var heroes = []hero{
	{"fox", "Rusty", "in a deep green forest", "a warm den for the winter", "badger"},
	{"mouse", "Pip", "behind an old clock", "a big piece of cheese", "cat"},
	{"bear", "Bruno", "in a cave on the hill", "a pot of honey", "bee"},
	{"owl", "Olivia", "in a tall tree", "to see the sun just once", "rooster"},
	{"frog", "Fred", "at the edge of a pond", "to jump over the river", "heron"},
	{"rabbit", "Ruby", "under a hedge", "a garden full of carrots", "mole"},
	{"duck", "Dora", "on a quiet lake", "to fly to the sea", "goose"},
	{"cat", "Mia", "in a house by the harbour", "to catch the moon", "dog"},
	{"dog", "Sam", "on a little farm", "a friend to play with", "cat"},
	{"hedgehog", "Harry", "in a pile of leaves", "a soft pillow", "snail"},
	{"turtle", "Tilly", "on a sunny beach", "to win a race", "crab"},
	{"sparrow", "Susie", "on the roof of the station", "to ride on a train", "pigeon"},
	{"robot", "Robbie", "in a small workshop", "to learn a song", "bird"},
	{"dragon", "Drago", "on a high mountain", "to light a candle gently", "shepherd"},
}

// askedStory is a request for a story, and one that fits it.
func askedStory(r *rand.Rand) Example {
	h := heroes[r.IntN(len(heroes))]
	ask := pattern("{tell me|write|can you tell me|could you tell me|I want to hear|please tell me|give me|I would like|do you know|make up} {a|a short|a little|a nice} {story|tale|bedtime story}{| about " + article(h.animal) + "| about a little " + h.animal + "| with " + article(h.animal) + "}")
	return Example{User: dress(ask.pick(r)+".", r), Assistant: story(h, r), Open: true}
}

// plainStory is a story without a question, so that the model can also
// continue text.
func plainStory(r *rand.Rand) Example {
	return Example{Assistant: story(heroes[r.IntN(len(heroes))], r), Open: true}
}

// story tells how h gets what it wishes for, in five or six sentences.
func story(h hero, r *rand.Rand) string {
	steps := []pattern{
		"Once upon a time there was a {little|small|young} {ANIMAL} {called|named} NAME, who lived HOME.",
		"{More than anything,|All year long,|Every day,} NAME wished for one thing: WISH.",
		"{One morning|One day|One evening|One rainy day} NAME {set out to look for it|went to look for it|left home to find it}, {but the way was long|but nobody could help|but it was hard to find}.",
		"Then {a wise|a kind|an old|a friendly} FRIEND {came along|stopped and listened|sat down beside NAME} and said: \"{Let us try together.|I can help you.|Do not give up.|You only need a friend.}\"",
		"{They worked|They walked|They tried} {all day|until the evening|all night long|for three days}, and {in the end|at last|finally} NAME {was happy|got the wish|was very glad|laughed with joy}.",
		"{From that day on NAME and the FRIEND were friends.|And they shared everything from that day on.|That night NAME slept well.|And if you listen, you can still hear them laugh.}",
	}
	fill := strings.NewReplacer("{ANIMAL}", h.animal, "NAME", h.name, "HOME", h.home, "WISH", h.wish, "FRIEND", h.friend)
	lines := make([]string, len(steps))
	for i, s := range steps {
		lines[i] = pattern(fill.Replace(string(s))).pick(r)
	}
	return strings.Join(lines, " ")
}

func article(noun string) string {
	if strings.ContainsRune("aeio", rune(noun[0])) {
		return "an " + noun
	}
	return "a " + noun
}
