"""Owns the sentences about models and their trainings."""

from cloud.languages import Message

NOT_INSTALLED = Message(
    "Learning needs packages that this service runs without. They come with the extra `ml`: "
    "pip install --constraint constraints.txt '.[cloud,ml]'; then start the service again.",
    "Öğrenme, bu hizmette kurulu olmayan paketler gerektirir. Bunlar `ml` ekiyle gelir: "
    "pip install --constraint constraints.txt '.[cloud,ml]'; sonra hizmeti yeniden başlatın.",
    code="ML_NOT_INSTALLED",
    title=Message("Not installed", "Kurulu değil"),
)
TRAINING_LIVE = Message(
    "Training {job} is {current_status}; wait for it, or cancel it.",
    "{job} eğitimi sürüyor ({current_status}); bitmesini bekleyin ya da iptal edin.",
    code="TRAINING_UNDER_WAY",
)
TRAINING_NOT_FOUND = Message("There is no training {job}.", "{job} adlı bir eğitim yok.", code="TRAINING_NOT_FOUND")
TRAINING_OVER = Message(
    "Training {job} is {current_status} already.", "{job} eğitimi zaten bitti ({current_status}).", code="TRAINING_OVER"
)
MODEL_NOT_FOUND = Message("There is no model {model}.", "{model} adlı bir model yok.", code="MODEL_NOT_FOUND")
MODEL_NO_BETTER = Message(
    "Model {model} is not surely better than the rule {rule}: its Brier gain lies between {lower} and {upper}. "
    "The rule serves.",
    "{model} modeli {rule} kuralından kesin olarak iyi değil: Brier kazancı {lower} ile {upper} arasında. "
    "Kural yanıtlamayı sürdürür.",
    code="MODEL_NO_BETTER",
)
MODEL_IS_CONTROL = Message(
    "Model {model} is a control that learned chance; it never serves.",
    "{model} modeli rastlantıyı öğrenen bir denetim modelidir; hiçbir zaman yanıtlamaz.",
    code="MODEL_IS_CONTROL",
)
MODEL_IS = Message(
    "Model {model} is {current_status}; this needs one that is {allowed}.",
    "{model} modelinin durumu {current_status}; bunun için {allowed} olmalı.",
    code="MODEL_STATE",
)
MODEL_FILE_GONE = Message(
    "The file of model {model} was deleted for its age on {deleted}; it cannot serve any more. Train again.",
    "{model} modelinin dosyası eskidiği için {deleted} tarihinde silindi; artık yanıtlayamaz. Yeniden eğitin.",
    code="MODEL_FILE_GONE",
)
NO_PREDECESSOR = Message(
    "Nothing served before model {model}; retire it to let the simple rule serve.",
    "{model} modelinden önce yanıtlayan bir model yok; basit kuralın yanıtlaması için bu modeli yayından kaldırın.",
    code="MODEL_FIRST",
)
DIED = Message(
    "The training's process ended with exit code {exit_code}, probably for want of memory; the champion is as it was. "
    "Ask for fewer trials, or see the log.",
    "Eğitim süreci {exit_code} çıkış koduyla sona erdi, büyük olasılıkla bellek yetmedi; "
    "yayındaki model olduğu gibi duruyor. "
    "Daha az deneme isteyin ya da günlüğe bakın.",
)
DATES_BACKWARDS = Message(
    "end_date must be later than start_date.",
    "end_date, start_date'den sonra olmalı.",
    code="DATES_BACKWARDS",
)
ABANDONED = Message(
    "The service ended twice in the midst of the training; ask for it again.",
    "Hizmet, eğitim sürerken iki kez kapandı; eğitimi yeniden isteyin.",
)
FEW_DAYS = Message(
    "No machine has days enough with figures to tell what it can reach: seven, of states and counts that gateways tell "
    "(imported hours are none).",
    "Hiçbir makinenin, neye ulaşabileceğini söyleyecek kadar verisi olan günü yok: ağ geçitlerinin bildirdiği durum ve "
    "sayımlardan yedi gün gerekir (içe aktarılan saatler sayılmaz).",
)
NO_PARAMETER = Message(
    "hyperparameters: {algorithm} has no {name}; it has {known}.",
    "hyperparameters: {algorithm} için {name} yok; şunlar var: {known}.",
    code="HYPERPARAMETER_UNKNOWN",
)
PARAMETER_RANGE = Message(
    "hyperparameters: {name} is {told}; it must lie in {range}.",
    "hyperparameters: {name} {told} olamaz; {range} aralığında olmalı.",
    code="HYPERPARAMETER_OUT_OF_RANGE",
)
PARAMETER_WHOLE = Message(
    "hyperparameters: {name} is {told}; it must be a whole number in {range}.",
    "hyperparameters: {name} {told} olamaz; {range} aralığında bir tam sayı olmalı.",
    code="HYPERPARAMETER_OUT_OF_RANGE",
)
OUT_OF_MEMORY = Message(
    "The training needs more than {most_mb} MB; learn from a shorter time, or by logistic_regression.",
    "Eğitim {most_mb} MB'den fazla bellek istiyor; daha kısa bir süreden ya da logistic_regression ile öğrenin.",
)
TOO_LONG = Message(
    "The training was ended after {limit_s} s; ask for fewer trials.",
    "Eğitim {limit_s} saniye sonra sonlandırıldı; daha az deneme isteyin.",
)
DEFECT = Message(
    "The training failed with {error}; this is a defect, the service's log has more.",
    "Eğitim {error} hatasıyla sona erdi; bu bir yazılım hatasıdır, ayrıntısı hizmetin günlüğünde.",
)
MODEL_REFUSED = Message(
    "The promoted model's file was refused ({reason}); the best simple rule answers.",
    "Yayındaki modelin dosyası reddedildi ({reason}); en iyi basit kural yanıtlıyor.",
)
MODEL_TOO_YOUNG = Message(
    "The promoted model learned from what came later than the instant asked about; the best simple rule answers.",
    "Yayındaki model, sorulan andan sonrasını da öğrendi; bu yüzden en iyi basit kural yanıtlıyor.",
)
MODEL_BLIND = Message(
    "The promoted model looks at alarms, counts or telemetry, and none of this machine's of the last {hours} h have "
    "come; the best simple rule answers. See to its gateway, or import what was logged since; else train anew.",
    "Yayındaki model alarmlara, sayımlara veya telemetriye bakıyor ve bu makinenin son {hours} saatinkiler gelmedi; "
    "en iyi basit kural yanıtlıyor. Ağ geçidini kontrol edin ya da o zamandan beri tutulan kayıtları içe aktarın; "
    "olmazsa modeli yeniden eğitin.",
)
