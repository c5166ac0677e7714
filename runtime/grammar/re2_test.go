package grammar

import "regexp"

func re2(s string) (interface {
	MatchString(string) bool
	String() string
}, error) {
	re, err := regexp.Compile(s)
	if err != nil {
		return nil, err
	}
	return re, nil
}
