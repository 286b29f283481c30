"""Owns the sentences of the predictions slice."""

from cloud.languages import Message

NO_ALGORITHM = Message(
    "There is no algorithm {name}; there are {known}.",
    "{name} adlı bir algoritma yok; şunlar var: {known}.",
    code="ALGORITHM_UNKNOWN",
)
INSUFFICIENT_DATA = Message(
    "There is too little to learn from: {reason}.",
    "Öğrenmek için yeterli veri yok: {reason}.",
    code="INSUFFICIENT_DATA",
)
# what is lacking to learn from: words of the sentence above
WINDOWS = {
    "train": Message("the time to learn from", "öğrenilecek sürede"),
    "validation": Message("the time to tune by", "ayar yapılacak sürede"),
    "test": Message("the time to be judged by", "sınanacak sürede"),
}
LACKS_STOPS = Message(
    "{window} has {stops} unplanned stops, {needed} are needed; a longer history has more",
    "{window} plansız duruş sayısı {stops}, en az {needed} gerekir; daha uzun bir geçmişte daha çoğu vardır",
)
ALL_STOPPED = Message(
    "in {window} every look was followed by a stop; ask for a shorter horizon",
    "{window} her bakışı bir duruş izledi; daha kısa bir ufuk sorun",
)
HARDLY_STOPPED = Message(
    "in {window} hardly any look was followed by a stop; ask for a longer horizon",
    "{window} hemen hiçbir bakışı bir duruş izlemedi; daha uzun bir ufuk sorun",
)
ONE_MACHINE = Message(
    "{window} has one machine; two are needed to tell chance from skill",
    "{window} tek makine var; rastlantıyı beceriden ayırmak için iki makine gerekir",
)
NO_FORTNIGHT = Message(
    "the files span less than a fortnight",
    "dosyalar iki haftadan kısa bir süreyi kapsıyor",
)
NO_ROWS = Message("no row was taken", "hiçbir satır alınmadı")
NOTHING_HAPPENED = Message(
    "no stop, alarm, count or measured value is known; import a history (tezgah-cloud import history), or ask again "
    "when gateways have told of some weeks",
    "bilinen bir duruş, alarm, sayım ya da ölçüm yok; bir geçmiş içe aktarın (tezgah-cloud import history) ya da "
    "ağ geçitleri birkaç hafta bildirdikten sonra yeniden sorun",
)
NOTHING_KNOWN = Message(
    "in the time that is learned from nothing is known of a machine for as long as a fortnight; learn from a longer "
    "one, or of other machines",
    "öğrenilecek sürede hiçbir makine için iki hafta boyunca bilinen bir şey yok; daha uzun bir süreden ya da başka "
    "makinelerden öğrenin",
)
ARTEFACT_REFUSED = Message(
    "The stored model is refused: {reason}.",
    "Kayıtlı model reddedildi: {reason}.",
    code="ARTEFACT_REFUSED",
)
MODEL_TOO_LARGE = Message(
    "The model that was learned has {size_mb} MB, at most {most_mb} are kept; ask for fewer trees, or for more looks a "
    "leaf (min_samples_leaf).",
    "Öğrenilen model {size_mb} MB; en fazla {most_mb} MB saklanır. Daha az ağaç ya da yaprak başına daha çok bakış "
    "(min_samples_leaf) isteyin.",
    code="MODEL_TOO_LARGE",
)
AS_OF_LATER = Message(
    "as_of is {told}, which is later than now ({now}); leave it out to ask about now.",
    "as_of değeri ({told}) şu andan ({now}) ileride; şu anı sormak için boş bırakın.",
    code="AS_OF_IN_THE_FUTURE",
)
FEATURE_UNKNOWN = Message(
    "features: there is no {name}; there are {known}.",
    "features: {name} adlı bir özellik yok; şunlar var: {known}.",
    code="FEATURE_UNKNOWN",
)
OEE_FEATURES = Message(
    "features: there is no {name}; an OEE is told by past periods alone, leave it out.",
    "features: {name} adlı bir özellik yok; OEE yalnızca geçmiş dönemlerle tahmin edilir, boş bırakın.",
    code="FEATURE_UNKNOWN",
)
FEW_STOPS = Message(
    "{stops} unplanned stops of the plant are known, {needed} are needed; import a longer history, or ask again later.",
    "Tesiste bilinen plansız duruş sayısı {stops}, en az {needed} gerekir; daha uzun bir geçmiş içe aktarın ya da "
    "daha sonra yeniden sorun.",
)
FEW_STOPS_THEN = Message(
    "As of {as_of} {stops} unplanned stops of the plant were known here, {needed} are needed; what was imported or "
    "told later is not seen by it.",
    "{as_of} itibarıyla tesiste bilinen plansız duruş sayısı {stops}, en az {needed} gerekir; sonradan içe "
    "aktarılan ya da bildirilen görülmez.",
)
ABSTAINS = Message(
    "The confidence {confidence} is below the threshold {threshold}, so neither yes nor no is said.",
    "{confidence} olan güven, {threshold} eşiğinin altında; bu yüzden evet ya da hayır denmiyor.",
)
SILENT = Message(
    "For more than {hours} h nobody has told when this machine stands, so neither yes nor no is said; see to its "
    "gateway where it has one, else import what came since, or ask as of a time of which it is known.",
    "Bu makinenin ne zaman durduğunu {hours} saatten uzun süredir kimse bildirmiyor; bu yüzden evet ya da hayır "
    "denmiyor. Ağ geçidi varsa onu kontrol edin, yoksa sonrasını içe aktarın ya da bilinen bir an için sorun.",
)
NO_MODEL = Message(
    "No model is promoted; the simple rule that was best on the latest part of the past answers.",
    "Yayına alınmış bir model yok; geçmişin son bölümünde en iyi olan basit kural yanıtlıyor.",
)
MODEL_SERVES = Message(
    "The promoted model answers.",
    "Yayındaki model yanıtlıyor.",
)
BEST_OF_WAYS = Message(
    "Of several plain ways the one that erred least on the machine's own past answers.",
    "Birkaç basit yöntemden, makinenin kendi geçmişinde en az yanılanı yanıtlıyor.",
)
FEW_PERIODS = Message(
    "Of the {days} days before, {periods} whole periods with an OEE are known, {needed} are needed; it takes the "
    "time run, good pieces, scrap and an ideal cycle, as gateways or an import tell them.",
    "Önceki {days} günde OEE değeri bilinen tam dönem sayısı {periods}, en az {needed} gerekir; bunun için ağ "
    "geçitlerinin ya da bir içe aktarmanın bildirdiği çalışma süresi, sağlam parça, ıskarta ve ideal çevrim gerekir.",
)
FEW_RUNS = Message(
    "{runs} runs between stops are known, too few for a law; nothing is said of wear.",
    "Duruşlar arasında bilinen çalışma sayısı {runs}, bir yasa için çok az; aşınma hakkında bir şey denmiyor.",
)
WEARS = Message(
    "The longer it runs the more often it stops: replacing early may pay.",
    "Çalıştıkça daha sık duruyor: erken değiştirmek kazandırabilir.",
)
YOUNG_FAIL = Message(
    "It stops more often soon after a stop than later: replacing early would add stops; look at how repairs end.",
    "Duruştan hemen sonra daha sık duruyor: erken değiştirmek duruşları artırır; onarımların nasıl bittiğine bakın.",
)
NOT_IDENTIFIABLE = Message(
    "Whether it wears out is not identifiable: its stops look like chance, so no interval for replacing is given.",
    "Aşınıp aşınmadığı belirlenemiyor: duruşları rastlantı gibi görünüyor; bu yüzden değiştirme aralığı verilmiyor.",
)
# why a watch shows nothing
NEVER_WATCHED = Message(
    "Nothing was looked at yet; the background says at 0, 4, 8, 12, 16 and 20 h UTC what the next 24 hours bring, "
    "and of every other horizon of which there is a model that serves or might.",
    "Henüz bakılmadı; arka plan UTC 0, 4, 8, 12, 16 ve 20'de sonraki 24 saati, ayrıca yayında olan ya da olabilecek "
    "bir modelin bulunduğu her ufku tahmin eder.",
)
NOTHING_WATCHED = Message(
    "When it was last looked at, nothing was said of any machine: it takes 30 unplanned stops, and machines of "
    "which it is known what they did in the last {hours} h. The next look is at 0, 4, 8, 12, 16 or 20 h UTC.",
    "Son bakışta hiçbir makine için bir şey denmedi: 30 plansız duruş ve son {hours} saatte ne yaptığı bilinen "
    "makineler gerekir. Sonraki bakış UTC 0, 4, 8, 12, 16 ya da 20'de.",
)
NOT_MATURE = Message(
    "What was said is held against what came three days after its horizon is over: {pending} wait for that, and "
    "{left_out} do not count, for some of the time after them is unknown or the machine stood.",
    "Söylenenler, ufkun bitiminden üç gün sonra gerçekleşenle karşılaştırılır: bekleyen {pending}; sonrasının bir "
    "bölümü bilinmediği ya da makine durduğu için sayılmayan {left_out}.",
)
# what a group of features is, in the words of a shift leader
GROUPS = {
    "alarms": Message("the alarms of late", "son zamandaki alarmlar"),
    "calendar": Message("the hour and the day", "günün saati ve günü"),
    "jobs": Message("the jobs that run on it", "üzerinde çalışan işler"),
    "machine": Message("what the machine itself is", "makinenin kendisi"),
    "maintenance": Message("the maintenance it had", "gördüğü bakım"),
    "operators": Message("who works at it", "başında çalışanlar"),
    "quality": Message("its scrap", "ıskartası"),
    "stops": Message("its stops of late", "son zamandaki duruşları"),
    "telemetry": Message("what its sensors say", "algılayıcılarının söyledikleri"),
    "work": Message("how it ran, its set-up and speed", "nasıl çalıştığı, ayarları ve hızı"),
}
REASON_RAISES = Message(
    "{what}: raises the chance by {points} points, beside what is usual in the plant.",
    "{what}: olasılığı, tesiste olağan olana göre {points} puan artırıyor.",
)
REASON_LOWERS = Message(
    "{what}: lowers the chance by {points} points, beside what is usual in the plant.",
    "{what}: olasılığı, tesiste olağan olana göre {points} puan azaltıyor.",
)
