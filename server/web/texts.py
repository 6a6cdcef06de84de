"""The words on the pages for the words in the tables; each is translated where it is shown."""

from typing import Final

from contract.codes import Code
from server.domain.alerts import Outcome, Reason
from server.domain.attribution import Said
from server.domain.plans import Priority
from server.domain.repeats import RepeatState
from server.domain.roles import Role
from server.ports.channels import ChannelKind
from server.web.catalogues import N_

CODES: Final = {
    Code.SYSTOLIC: N_("Systolic pressure"),
    Code.DIASTOLIC: N_("Diastolic pressure"),
    Code.MEAN_ARTERIAL: N_("Mean arterial pressure"),
    Code.PULSE: N_("Pulse"),
    Code.HEART_RATE: N_("Heart rate"),
    Code.SPO2: N_("Oxygen saturation"),
    Code.TEMPERATURE: N_("Temperature"),
    Code.WEIGHT: N_("Weight"),
    Code.GLUCOSE: N_("Blood glucose"),
    Code.RESPIRATION_RATE: N_("Breathing rate"),
    Code.SUPPLEMENTAL_OXYGEN: N_("Supplemental oxygen"),
    Code.CONSCIOUSNESS: N_("Consciousness"),
    Code.BODY_FAT: N_("Body fat"),
}
# UCUM's units as people write them.
UNITS: Final = {"mm[Hg]": "mmHg", "/min": N_("bpm"), "Cel": "°C", "{breaths}/min": "/min", "1": ""}
SCORES: Final = {
    "news2-high": N_("NEWS2 of 7 points or more"),
    "news2-medium": N_("NEWS2 of 5 or 6 points"),
    "news2-low-medium": N_("NEWS2 with 3 points for one value"),
    "news2-partial-high": N_("part of the NEWS2, of 7 points or more already"),
    "news2-partial-medium": N_("part of the NEWS2, of 5 points or more already"),
    "news2-partial-low-medium": N_("part of the NEWS2, with 3 points for one value"),
}
PRIORITIES: Final = {
    Priority.HIGH: N_("High"),
    Priority.MEDIUM: N_("Medium"),
    Priority.LOW: N_("Low"),
}
# A plan's chains: one a priority of clinical alerts, and one for missing measurements.
CHAINS: Final[dict[str, str]] = {
    **{priority.value: text for priority, text in PRIORITIES.items()},
    "adherence": N_("Nobody measured"),
}
ROLES: Final = {
    Role.NURSE: N_("Nurse"),
    Role.DOCTOR: N_("Doctor"),
    Role.CONTACT_POINT: N_("Single point of contact"),
    Role.TECHNICAL_SERVICE: N_("Technical service"),
    Role.COORDINATOR: N_("Coordinator"),
    Role.ADMINISTRATOR: N_("Administrator"),
}
# The protocols that come with Vicino, and whom each is for (as its file says it).
PROTOCOLS: Final = {
    "copd": N_("COPD"),
    "diabetes": N_("Diabetes"),
    "frail-elder": N_("Frail elder"),
    "heart-failure": N_("Heart failure"),
    "hypertension": N_("Hypertension"),
    "oximetry-after-infection": N_("Oximetry after an infection"),
}
POPULATIONS: Final = {
    "copd": N_("adults with COPD whose target is not 88 to 92 %"),
    "diabetes": N_("adults with diabetes who measure capillary glucose"),
    "frail-elder": N_("frail adults over 75 with several chronic diseases"),
    "heart-failure": N_("adults with chronic heart failure at home"),
    "hypertension": N_("adults who measure their blood pressure at home"),
    "oximetry-after-infection": N_(
        "adults at home after an acute respiratory infection, for 14 days"
    ),
}
FITTED: Final = N_("fitted to the patient")
DEVICES: Final = {
    "blood-pressure-monitor": N_("Blood pressure monitor"),
    "thermometer": N_("Thermometer"),
    "pulse-oximeter": N_("Pulse oximeter"),
    "weight-scale": N_("Scale"),
    "glucose-meter": N_("Glucose meter"),
    "heart-rate-monitor": N_("Heart rate monitor"),
}
OUTCOMES: Final = {
    Outcome.TREATMENT_CHANGED: N_("Treatment changed"),
    Outcome.VISIT_ARRANGED: N_("Visit arranged"),
    Outcome.ADVICE_GIVEN: N_("Advice given"),
    Outcome.SENT_TO_EMERGENCY: N_("Sent to emergency care"),
    Outcome.NOT_REACHED: N_("Patient not reached"),
    Outcome.NO_ACTION_NEEDED: N_("No action needed"),
    Outcome.MEASURING_MISTAKE: N_("Measuring mistake"),
    Outcome.TECHNICAL_FIXED: N_("Technical fault fixed"),
}
REASONS: Final = {
    Reason.RAISED: N_("new alert"),
    Reason.AGAIN: N_("began again"),
    Reason.WORSE: N_("got worse"),
    Reason.ESCALATED: N_("escalated: nobody answered before"),
    Reason.UNANSWERED: N_("nobody has answered"),
    Reason.FOLLOW_UP_PASSED: N_("taken on, but not closed in time"),
    Reason.OFF_DUTY: N_("who knew of it went off duty"),
    Reason.HANDED_OVER: N_("handed over"),
    Reason.CAME_ON_DUTY: N_("came on duty while nobody had answered"),
    Reason.PAUSE_ENDED: N_("the pause ended"),
    Reason.SUPERSEDED: N_("late data changed the picture"),
    Reason.CALL_DUE: N_("the home is to be called again"),
    Reason.VISIT_OVERDUE: N_("nobody answers at home, and nobody went there"),
}
CHANNELS: Final = {
    ChannelKind.EMAIL: N_("e-mail"),
    ChannelKind.APPRISE: N_("service"),
}
LOOKS: Final = {
    "patient-seen": N_("the patient's page, or an alert"),
    "held-seen": N_("a held measurement"),
    "assignment-seen": N_("the devices and whose they are"),
    "chart-seen": N_("charts"),
    "news-seen": N_("what came while a page was open"),
    "plan-seen": N_("the plan"),
    "contact-seen": N_("whom to phone"),
    "patient-exported": N_("all values, as a file"),
    "looks-seen": N_("who looked"),
}
ACTS: Final = {
    "alert-acknowledged": N_("taken on"),
    "alert-handed-over": N_("handed over"),
    "alert-paused": N_("messages paused"),
    "repeat-asked": N_("had the home asked to measure again"),
    "pause-ended": N_("pause ended"),
    "alert-closed": N_("closed"),
    "call-no-answer": N_("called, nobody answered"),
    "call-answered": N_("called and spoken"),
    "visit-arranged": N_("visit arranged"),
    "emergency-called": N_("112 called"),
    "visit-overdue": N_("nobody went there in time: told anew"),
}
TECHNICAL: Final = {
    "gateway-silent": N_("The gateway has not been heard from"),
    "homes-out-of-reach": N_("Several homes are out of reach at once"),
    "device-battery": N_("The device's battery is low"),
    "gateway-set-aside": N_("The gateway keeps measurements that the server refused"),
    "gateway-clock": N_("The gateway's clock is not synchronised"),
    "gateway-behind": N_("Many measurements wait in the gateway"),
    "gateway-numbers-again": N_("The gateway was put back from an older copy"),
    "measurements-missing": N_("Measurements that a gateway had sent are missing here"),
    "server-clock-jumped": N_("The server's clock jumped: times may be wrong"),
    "gateway-disk": N_("The gateway's disk is nearly full"),
    "gateway-deaf": N_("The gateway's radio does not work: it can read no device"),
    "gateway-full": N_("The gateway can keep no more measurements"),
    "device-clock-wrong": N_("The device's clock is wrong"),
    "certificate-near-end": N_("The gateway's certificate is about to end"),
    "envelope-refused": N_("The gateway sent something that cannot be taken"),
    "measurement-held": N_("A measurement waits: somebody must say whose it is"),
    "measurement-unreadable": N_("A measurement arrived that cannot be read or cannot be true"),
    "stored-not-judged": N_("Measurements are stored but could not be judged"),
    "channel-dead": N_("Messages to a member of staff do not get through"),
    "broker-denied": N_("A gateway tried to send or read what it may not"),
    "broker-replaced": N_("Two gateways use one name: one was disconnected"),
    "broker-oversized": N_("A gateway sent a message that is too large"),
    "broker-refused": N_("A gateway without access tried to connect"),
    "broker-died": N_("The message broker ended and was started again"),
}
MARKS: Final = {
    "late": N_("arrived late"),
    "unsure": N_("time unsure"),
    "held": N_("held: not confirmed to be this patient's"),
    "person": N_("entered by a person"),
    "flagged": N_("the device reported a doubt"),
    "LO": N_("LO: below the device's range"),
    "HI": N_("HI: above the device's range"),
}
# Why a time is not simply the device's own: see domain/instants.py.
CLOCK_MARKS: Final = {
    "device-clock-unset": N_("the device's clock was never set"),
    "device-time-impossible": N_("the device sent a time that is none"),
    "device-clock-hour-ahead": N_("the device's clock was an hour ahead: corrected"),
    "device-clock-corrected": N_("the device's clock was wrong: corrected"),
    "device-clock-ahead": N_("the device's clock is ahead"),
    "device-clock-behind": N_("the device's clock is behind"),
    "doubled-hour": N_("in the hour that comes twice in autumn"),
    "gateway-clock-ahead": N_("the gateway's clock was ahead"),
    "gateway-clock-unset": N_("the gateway's clock was not set"),
    "gateway-clock-unsynchronised": N_("the gateway's clock was not synchronised"),
    "gateway-clock-corrected": N_("the gateway's clock was set afterwards: corrected"),
}
STATES: Final = {
    "in-force": N_("in force"),
    "superseded": N_("superseded by late data"),
    "withdrawn": N_("entered in error"),
}
CAUSES: Final = {
    "not-measured": N_("not measured"),
    "held": N_("held: somebody must say whose it is"),
    "arrived-unreadable": N_("arrived, but unreadable"),
    "nothing-yet": N_("nothing has come yet through this home's gateway"),
    "gateway-silent": N_("nothing came: the gateway is silent"),
    "gateway-deaf": N_("nothing came: the gateway could read no device, or keep nothing"),
    "gateway-behind": N_("nothing came: the gateway has not sent everything yet"),
    "device-battery": N_("nothing came: the device's battery is low"),
    "patient-away": N_("the patient is away"),
}
ABSENT: Final = {
    "nothing-yet": N_("%(code)s: nothing by %(when)s, nor ever through this home's gateway"),
    "gateway-silent": N_("%(code)s: nothing came by %(when)s, the gateway is silent"),
    "gateway-deaf": N_("%(code)s: nothing came by %(when)s, the gateway could read no device"),
    "gateway-behind": N_("%(code)s: nothing came by %(when)s, the gateway is behind"),
    "device-battery": N_("%(code)s: nothing came by %(when)s, the device's battery is low"),
}
# What became of a repeat that the home was asked for; while it is awaited the page says until when.
REPEATS: Final = {
    RepeatState.RAISED: N_("an alert was raised"),
    RepeatState.NORMAL: N_("the repeat was within the limit: no alert"),
    RepeatState.SUPERSEDED: N_("the value is no longer beyond the limit"),
    RepeatState.WITHDRAWN: N_("the value was entered in error"),
}
HELD: Final = {
    "device-unassigned": N_("The device was nobody's when it measured"),
    "user-differs": N_("The device's user button does not match the patient"),
    "gateway-of-another-chc": N_("It came through a gateway of another Community Health Centre"),
    "device-shared": N_("More than one patient has this device"),
    "device-changed-hands": N_(
        "The device changed hands within five minutes of that time, or the time is not sure"
    ),
    "weight-differs": N_("The weight differs by more than a tenth from the last one"),
    "probable-duplicate": N_("Another gateway heard it too: probably the same weighing"),
    "kind-doubted": N_("The meter marks it as something else, such as a ketone result"),
}
SAID: Final = {
    Said.GIVEN: N_("given to"),
    Said.REJECTED: N_("none of our patients"),
    Said.TAKEN_BACK: N_("taken back"),
    Said.SEEN: N_("seen"),
}
# A quarantine's reason is for technicians; its beginning or end says what to tell a nurse.
QUARANTINED: Final = (
    ("unreadable", N_("The device's bytes cannot be read")),
    ("not a measurement", N_("What the gateway sent is no measurement")),
    ("says seq", N_("The gateway's numbering contradicts itself")),
    ("unknown code", N_("Vicino does not know this kind of value")),
    ("not one of our patients", N_("A person said: none of our patients")),
    ("cannot be true", N_("The value cannot be true of a person")),
    ("expected", N_("The value came in a unit that does not fit it")),
)
QUARANTINED_OTHER: Final = N_("It cannot be taken as it came")
# What devices say of their own measurement; a word that is none of these is shown as it came.
FLAGS: Final = {
    "irregular-pulse": N_("irregular pulse"),
    "body-movement": N_("the body moved"),
    "cuff-too-loose": N_("cuff too loose"),
    "improper-position": N_("improper position"),
    "pulse-above-range": N_("pulse above the device's range"),
    "pulse-below-range": N_("pulse below the device's range"),
    "poor-signal": N_("weak signal"),
    "inadequate-signal": N_("weak signal"),
    "low-perfusion": N_("low perfusion"),
    "questionable-pulse": N_("questionable pulse"),
    "questionable-measurement": N_("questionable measurement"),
    "invalid-measurement": N_("invalid measurement"),
    "erratic-signal": N_("erratic signal"),
    "nonpulsatile-signal": N_("no pulse in the signal"),
    "sensor-displaced": N_("finger sensor displaced"),
    "sensor-disconnected": N_("finger sensor disconnected"),
    "contact-not-detected": N_("no skin contact"),
    "battery-low": N_("battery low"),
    "clock-not-set": N_("the device's clock is not set"),
    "result-too-high": N_("result above the device's range"),
    "result-too-low": N_("result below the device's range"),
    "sample-size-insufficient": N_("not enough blood on the strip"),
    "strip-insertion-error": N_("strip put in wrongly"),
    "strip-type-incorrect": N_("wrong kind of strip"),
    "read-interrupted": N_("strip taken out too early"),
    "general-device-fault": N_("fault of the device"),
    "preprandial": N_("before a meal"),
    "postprandial": N_("after a meal"),
    "fasting": N_("fasting"),
    "casual": N_("between meals"),
    "bedtime": N_("at bedtime"),
    "kind-doubted": N_("perhaps no glucose: a ketone result"),
    "context-missing": N_("what the device says beside it did not come"),
    "context-unreadable": N_("what the device says beside it cannot be read"),
}
CLOCKS: Final = {
    "synchronised": N_("synchronised"),
    "unsynchronised": N_("not synchronised"),
}
LANGUAGES: Final = {
    "it": N_("Italian"),
    "en": N_("English"),
    "fr": N_("French"),
    "de": N_("German"),
    "es": N_("Spanish"),
    "ro": N_("Romanian"),
    "uk": N_("Ukrainian"),
    "ar": N_("Arabic"),
    "sq": N_("Albanian"),
}
# What a page says after a person's move.
SIDES: Final = {
    "low-outer": N_("low, outer"),
    "low-inner": N_("low, inner"),
    "high-inner": N_("high, inner"),
    "high-outer": N_("high, outer"),
}
DONE: Final = {
    "assignment-changed": N_("The assignments are changed, and what rests on them is judged anew."),
    "declined": N_("Declined: the reason goes to who proposed it."),
    "saved": N_("Saved."),
    "confirmed": N_("The plan is confirmed and in force."),
    "acknowledged": N_("You have taken this alert on."),
    "noted": N_("The note is saved."),
    "called": N_("The call is on the record."),
    "paused": N_("Messages of this rule are paused."),
    "home-asked": N_("The home is being asked to measure again."),
    "closed": N_("The alert is closed."),
    "resumed": N_("The pause is ended."),
    "handed-over": N_("The alert is handed over."),
    "off-duty": N_("You are off duty now."),
    "session-ended": N_("Signed out there."),
    "gateway-revoked": N_("Its access is taken: it is disconnected."),
    "gateway-let-in": N_("Agreed: it gets a new certificate when it next asks, within the hour."),
    "gateway-refused": N_("It is refused here; the broker lets go of it at its next start only."),
    "channel-added": N_("Added. Test it now."),
    "channel-removed": N_("Removed: nothing is sent there any more."),
    "quiet-hours": N_("The quiet hours are saved."),
    "withdrawn": N_("The draft is taken back; it stays on record."),
    "device-added": N_("The device is on the list. Say whose it is, and from when."),
    "released": N_("The measurement was given to the patient and is being judged."),
    "seen": N_("It is off the open list, and kept."),
    "taken-back": N_("Taken back: the measurement is held again."),
    "rejected": N_("The measurement was put away as not one of your patients'."),
}
