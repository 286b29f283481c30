"""Owns the sentences of the identity slice."""

from collections.abc import Mapping

from cloud.identity.schemas import Role
from cloud.languages import Message

ROLE: Mapping[Role, Message] = {
    Role.ADMIN: Message("admin", "yönetici"),
    Role.PLANNER: Message("planner", "planlamacı"),
    Role.WORKER: Message("worker", "çalışan"),
}
ROLE_NEEDED = Message(
    "This needs the role {needed}; yours is {yours}.",
    "Bu işlem için {needed} rolü gerekir; sizin rolünüz: {yours}.",
)
TOKEN_MISSING = Message(
    "Sign in: send `Authorization: Bearer <token>` from POST /auth/login.",
    "Oturum açın: POST /auth/login yanıtındaki belirteci `Authorization: Bearer <token>` olarak gönderin.",
)
TOKEN_EXPIRED = Message(
    "The access token has expired; sign in again.",
    "Erişim belirtecinin süresi doldu; yeniden oturum açın.",
    code="TOKEN_EXPIRED",
)
TOKEN_INVALID = Message(
    "The access token is not valid; sign in again.", "Erişim belirteci geçersiz; yeniden oturum açın."
)
USER_INACTIVE = Message(
    "The access token's user is not active, or has signed out; sign in again.",
    "Erişim belirtecinin sahibi olan kullanıcı etkin değil ya da oturumu kapatmış; yeniden oturum açın.",
)
REFRESH_INVALID = Message(
    "The refresh token is not valid; sign in again.", "Yenileme belirteci geçersiz; yeniden oturum açın."
)
REFRESH_REUSED = Message(
    "The refresh token was used before, so this sign-in was ended; sign in again.",
    "Yenileme belirteci daha önce kullanılmış, bu yüzden oturum sonlandırıldı; yeniden oturum açın.",
)
SIGN_IN_ENDED = Message("The sign-in has ended; sign in again.", "Oturum sona ermiş; yeniden oturum açın.")
REGISTRATION_CLOSED = Message(
    "Nobody may register here; ask an admin for an account. (An operator opens registration with "
    "TEZGAH_REGISTRATION_ORGANIZATION, the name of the organization that newcomers belong to.)",
    "Burada kayıt kapalı; bir yöneticiden hesap isteyin. (Kaydı işletmen açar: TEZGAH_REGISTRATION_ORGANIZATION, "
    "yeni gelenlerin bağlanacağı kuruluşun adıdır.)",
    code="REGISTRATION_CLOSED",
)
LAST_ADMIN = Message(
    "{username} is the organization's only active admin; make another one first.",
    "{username}, kuruluşun tek etkin yöneticisi; önce bir başkasını yönetici yapın.",
    code="LAST_ADMIN",
)
LOGIN_FAILED = Message("The user name or the password is wrong.", "Kullanıcı adı veya parola yanlış.")
LOGIN_THROTTLED = Message(
    "Too many attempts; try again in {retry_after_s} s.",
    "Çok fazla deneme yapıldı; {retry_after_s} saniye sonra yeniden deneyin.",
    code="LOGIN_THROTTLED",
)
LOGIN_TYPE = Message(
    "The login takes {json} or {form}, not {given}.", "Giriş isteği {json} veya {form} türünde olmalı; gelen: {given}."
)
NO_TYPE = Message("a body without a Content-Type", "Content-Type başlığı olmayan bir gövde")
PASSWORD_SHORT = Message(
    "The password has {length} characters; at least {least} are needed.",
    "Parola {length} karakter; en az {least} karakter olmalı.",
)
PASSWORD_LONG = Message(
    "The password has {length} characters; at most {most} are taken.",
    "Parola {length} karakter; en çok {most} karakter olabilir.",
)
PASSWORD_COMMON = Message(
    "The password is one of the most common ones; choose another.",
    "Bu parola en sık kullanılanlardan biri; başka bir parola seçin.",
)
ORGANIZATION_TAKEN = Message(
    "There is an organization named {organization} already.", "{organization} adlı bir kuruluş zaten var."
)
ORGANIZATION_NOT_FOUND = Message(
    "There is no organization named {organization}; `tezgah-cloud organization list` shows them.",
    "{organization} adlı bir kuruluş yok; `tezgah-cloud organization list` var olanları gösterir.",
)
PASSWORD_IS_NAME = Message(
    "The password is the user name; choose another.", "Parola kullanıcı adıyla aynı; başka seçin."
)
PASSWORD_WRONG = Message("The current password is wrong.", "Şu anki parola yanlış.")
PASSWORD_CHANGED_MEANWHILE = Message(
    "The password was changed in the meantime; sign in again.",
    "Parola bu arada değiştirilmiş; yeniden oturum açın.",
)
TIME_ZONE_UNKNOWN = Message(
    "There is no time zone {time_zone}; names are such as Europe/Istanbul.",
    "{time_zone} adında bir saat dilimi yok; adlar Europe/Istanbul gibidir.",
    code="TIME_ZONE_UNKNOWN",
)
USERNAME_TAKEN = Message(
    "The user name {username} is taken.", "{username} kullanıcı adı alınmış.", code="USERNAME_TAKEN"
)
USER_NOT_FOUND = Message("There is no user {user_id}.", "{user_id} numaralı bir kullanıcı yok.", code="USER_NOT_FOUND")
USERNAME_UNKNOWN = Message(
    "There is no user named {username}; `tezgah-cloud user list` shows them.",
    "{username} adlı bir kullanıcı yok; `tezgah-cloud user list` var olanları gösterir.",
)
