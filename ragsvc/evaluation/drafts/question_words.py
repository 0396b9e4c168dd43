"""English word lists from which questions are drafted."""

from __future__ import annotations

# ruff: noqa: SIM905
# Lists of words are read as prose, a hundred quoted strings are not.


def words(listed: str) -> frozenset[str]:
    """The set of words in a list that is written as prose."""
    return frozenset(listed.split())


# A subject that begins with one of these points elsewhere, or is no subject.
NO_SUBJECT = words(
    """this that these those it they he she we you i there here one another each some many most all both
    such his her its their our my your what who whom whose which when where why how if in on at for by with
    from as but and or not to of first second third next also every any no nothing everything someone after
    before during because since while although though however then thus therefore instead finally moreover
    furthermore additionally note see only even just more less several few other others same similar today now
    later once until under over above below between within without despite unlike like given an/the none
    example examples result results default usage yes so than please alternatives alternative"""
)

# A subject that holds one of these is more than a noun phrase.
NO_NOUN = words(
    """is are was were be been being has have had do does did can could will would shall should may might must
    that which who whom whose where when while if because and or but not it they he she this these those there
    then than also its their his her our your my you we to in on at by with from as into about after before
    during between only often always never usually sometimes cannot can't don't let lets make makes"""
)

# Nouns that mean something only beside the text around them.
VAGUE = words(
    """example examples approach method methods system systems result results section sections chapter page
    document documents table figure list way ways idea goal aim purpose problem problems solution answer
    question questions case cases part parts step steps point points thing things team user users object
    objects class function functions parameter parameters value values option options name names field fields
    type types number amount process model models tool tools data file files code text component components
    pipeline pipelines output input overview introduction summary conclusion note notes group book song album
    film show game series work company city country area region building school university government war army
    king queen president party law act price cost term terms word words version image map store stores work
    main key best difference advantage advantages reason reasons effect effects change changes rest former
    latter
    technique techniques language languages state states response request query queries run others people"""
)

# Genus words that praise or place instead of telling what something is.
NO_GENUS = words(
    """good better best bad great key common major big little lot few bit must matter problem very more most
    same only first second last next main important useful popular case result reason part sign way question
    choice example mistake different similar separate such fact year member second-largest third little-known
    clear simple strong serious direct list valid required optional safe wise mere likely new result
    controversial basic crucial essential one"""
)

MONTHS = "January|February|March|April|May|June|July|August|September|October|November|December"

# Participle: past, infinitive. Where something is said to have been done.
DEEDS: dict[str, tuple[str, str]] = {
    participle: (past, base)
    for participle, past, base in (
        entry.split("/")
        for entry in """founded/founded/found established/established/establish released/released/release
        introduced/introduced/introduce created/created/create published/published/publish
        invented/invented/invent built/built/build launched/launched/launch proposed/proposed/propose
        developed/developed/develop opened/opened/open completed/completed/complete
        discovered/discovered/discover written/wrote/write formed/formed/form signed/signed/sign
        adopted/adopted/adopt designed/designed/design described/described/describe
        presented/presented/present announced/announced/announce acquired/acquired/acquire
        abolished/abolished/abolish destroyed/destroyed/destroy conquered/conquered/conquer
        shown/showed/show sold/sold/sell drawn/drew/draw won/won/win directed/directed/direct
        composed/composed/compose painted/painted/paint coined/coined/coin
        commissioned/commissioned/commission
        patented/patented/patent ratified/ratified/ratify repealed/repealed/repeal
        demolished/demolished/demolish
        isolated/isolated/isolate recorded/recorded/record""".split()
    )
}

# Gerund: infinitive. Only verbs whose gerund seldom stands before a noun as an adjective.
GERUNDS: dict[str, str] = dict(
    entry.split("/")
    for entry in """adding/add adjusting/adjust applying/apply asking/ask assigning/assign
    building/build calculating/calculate calling/call changing/change checking/check choosing/choose
    cleaning/clean combining/combine comparing/compare configuring/configure connecting/connect
    contributing/contribute controlling/control converting/convert creating/create customising/customise
    customizing/customize debugging/debug declaring/declare defining/define deleting/delete deploying/deploy
    detecting/detect disabling/disable editing/edit enabling/enable estimating/estimate evaluating/evaluate
    exporting/export extending/extend extracting/extract filtering/filter finding/find fixing/fix
    generating/generate getting/get handling/handle hiding/hide implementing/implement importing/import
    improving/improve initialising/initialise initializing/initialize inserting/insert inspecting/inspect
    installing/install integrating/integrate joining/join keeping/keep launching/launch limiting/limit
    listing/list loading/load making/make managing/manage measuring/measure migrating/migrate
    monitoring/monitor moving/move naming/name normalising/normalise opening/open optimising/optimise
    optimizing/optimize ordering/order organising/organise organizing/organize overriding/override
    parsing/parse passing/pass picking/pick preparing/prepare preventing/prevent protecting/protect
    publishing/publish reading/read receiving/receive reducing/reduce registering/register removing/remove
    renaming/rename replacing/replace resetting/reset restoring/restore resolving/resolve reusing/reuse
    running/run saving/save scheduling/schedule searching/search securing/secure selecting/select
    sending/send serialising/serialise serializing/serialize setting/set sharing/share showing/show
    specifying/specify splitting/split starting/start stopping/stop storing/store submitting/submit
    switching/switch testing/test tracking/track training/train troubleshooting/troubleshoot
    understanding/understand uninstalling/uninstall updating/update upgrading/upgrade uploading/upload
    using/use validating/validate verifying/verify viewing/view visualising/visualise visualizing/visualize
    working/work writing/write""".split()
)

# Third person: what a thing does.
ACTS = words(
    """adapts adds aggregates analyses analyzes applies assigns builds calculates calls checks classifies
    collects combines compares composes compresses computes connects converts counts creates deletes detects
    determines downloads embeds encodes enriches estimates evaluates executes extracts fetches filters finds
    formats generates groups handles implements initialises initializes inserts joins judges keeps
    loads manages maps measures merges moves optimises optimizes parses predicts prevents processes produces
    provides ranks reads receives reduces removes renders replaces represents retrieves returns routes
    runs samples saves scores searches selects sends separates serialises serializes sorts splits stores
    summarises summarizes tracks trains transcribes transforms translates truncates turns updates uploads
    validates wraps writes"""
)

NUMBER_WORDS = "two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty|fifty|hundred"

# Said in any question, so they tell nothing about what it asks.
LIGHT = words(
    """long often much many good best make need take get keep let give tell find know want use used way one
    new old first work works long time day days people thing things without like"""
)
