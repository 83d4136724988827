package ack

import "github.com/marktbote/marktbote/formats"

// Reason says why a file or its transactions are answered, or why they are not.
type Reason string

// The reasons.
const (
	Unreadable        Reason = "unreadable"
	ToContrl          Reason = "answers-contrl"
	ToAperak          Reason = "answers-aperak"
	SyntaxError       Reason = "syntax-error"
	NotReportable     Reason = "not-reportable"
	AfterRejection    Reason = "after-rejection"
	ReceiptInGas      Reason = "receipt-in-gas"
	NoReceiptInStrom  Reason = "no-receipt-in-strom"
	ProcessingError   Reason = "processing-error"
	RecognizedInStrom Reason = "recognized-in-strom"
	SilenceInGas      Reason = "silence-in-gas"
	SparteUnknown     Reason = "sparte-unknown"
)

// reasons puts them into words.
//
// Spec: CONTRL AHB 1.0; APERAK AHB 1.1 1.2, 2.2, 2.4, 2.5
var reasons = map[Reason]struct{ de, en string }{
	Unreadable: {"Die Datei ist mit den Mitteln von CONTRL und APERAK nicht zu beantworten; der Absender ist auf anderem Weg zu verständigen.",
		"The file cannot be answered by means of CONTRL and APERAK; the sender has to be told in another way."},
	ToContrl: {"Auf eine CONTRL wird nie geantwortet, auch nicht auf eine fehlerhafte.",
		"A CONTRL is never answered, not even a faulty one."},
	ToAperak: {"Auf eine APERAK folgt keine APERAK.",
		"An APERAK is not answered with an APERAK."},
	SyntaxError: {"Die Datei hat Syntaxfehler und wird als Ganzes abgelehnt.",
		"The file has syntax errors and is rejected as a whole."},
	NotReportable: {"Die Datei hat einen Syntaxfehler, den eine CONTRL nicht nennen kann; der Absender ist auf anderem Weg zu verständigen.",
		"The file has a syntax error that a CONTRL cannot name; the sender has to be told in another way."},
	AfterRejection: {"Eine wegen Syntaxfehlern abgelehnte Datei wird nicht weiter geprüft.",
		"A file that was rejected because of syntax errors is not checked further."},
	ReceiptInGas: {"Der Empfänger gehört zur Sparte Gas, die jede fehlerfreie Datei mit einer Empfangsbestätigung beantwortet.",
		"The receiver belongs to Gas, where every file without syntax errors is answered with a receipt."},
	NoReceiptInStrom: {"Der Empfänger gehört zur Sparte Strom, die eine Datei ohne Syntaxfehler nicht mit CONTRL beantwortet.",
		"The receiver belongs to Strom, where a file without syntax errors is not answered with CONTRL."},
	ProcessingError: {"Mindestens ein Vorgang ist nicht verarbeitbar; er gilt als nicht eingegangen.",
		"At least one transaction cannot be processed and counts as not received."},
	RecognizedInStrom: {"Der Empfänger gehört zur Sparte Strom, die jeden verarbeitbaren Vorgang mit einer Anerkennungsmeldung beantwortet.",
		"The receiver belongs to Strom, where every transaction that can be processed is answered with a recognition."},
	SilenceInGas: {"Der Empfänger gehört zur Sparte Gas, in der Schweigen bis zum Ende der Frist einen Vorgang annimmt.",
		"The receiver belongs to Gas, where silence until the deadline accepts a transaction."},
	SparteUnknown: {"Ob die Regeln von Strom oder Gas gelten, ist nicht zu erkennen: Die Marktpartner haben GLN, und die Nachrichten sagen es nicht. Die Sparte des Empfängers muss angegeben werden.",
		"Whether the rules of Strom or of Gas apply cannot be told: the partners have GLNs, and the messages do not say. The Sparte of the receiver has to be given."},
}

// Text returns the reason in words.
func (r Reason) Text(lang formats.Lang) string {
	if lang == formats.English {
		return reasons[r].en
	}
	return reasons[r].de
}

var deadlineRules = map[DeadlineRule]struct{ de, en string }{
	SixHours:     {"6 Stunden nach dem Empfang", "6 hours after the receipt"},
	FortyFive:    {"45 Minuten nach dem Empfang", "45 minutes after the receipt"},
	SundayNoon:   {"Empfang am Samstag: Sonntag, 12:00 Uhr", "received on a Saturday: Sunday, 12:00"},
	NextWerktag:  {"nächster Werktag nach dem Empfang, 12:00 Uhr", "next Werktag after the receipt, 12:00"},
	ThirdWerktag: {"Initialprozess: Ende des dritten Werktags nach dem Empfang", "Initialprozess: end of the third Werktag after the receipt"},
}

// Text returns the rule in words.
func (r DeadlineRule) Text(lang formats.Lang) string {
	if lang == formats.English {
		return deadlineRules[r].en
	}
	return deadlineRules[r].de
}
