package feed

const childEnv = "MARKTBOTE_FEED_CHILD"

func child() int { return 1 }
