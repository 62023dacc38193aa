#!/bin/sh
# smime.sh DIR: in DIR an authority, certificates of anna and bruno, and one of
# carla by an authority that nobody trusts; in DIR/../ring's place, $GNUPGHOME,
# what anna has.
set -e
cd "$1"
authority() { # NAME
  openssl req -x509 -newkey rsa:2048 -nodes -keyout "$1.key" -out "$1.crt" -subj "/O=Posta Sicura/CN=Autorita $1" -days 30 \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign
}
person() { # NAME "PRINTED NAME" AUTHORITY
  openssl req -newkey rsa:2048 -nodes -keyout "$1.key" -out "$1.csr" -subj "/CN=$2"
  printf '%s\n' "keyUsage=critical,digitalSignature,keyEncipherment" "extendedKeyUsage=emailProtection" \
    "subjectAltName=email:$1@tuoisp.example" "basicConstraints=CA:FALSE" >"$1.ext"
  openssl x509 -req -in "$1.csr" -CA "$3.crt" -CAkey "$3.key" -CAcreateserial -days 30 -extfile "$1.ext" -out "$1.crt"
}
authority good
authority other
person anna "Anna Rossi" good
person bruno "Bruno Verdi" good
person carla "Carla Neri" other
openssl pkcs12 -export -legacy -inkey anna.key -in anna.crt -certfile good.crt -out anna.p12 -passout pass:
openssl pkcs12 -export -legacy -inkey bruno.key -in bruno.crt -out bruno.p12 -passout pass:
sms() { gpgsm --batch --quiet --disable-dirmngr --no-tty "$@"; }
sms --pinentry-mode loopback --passphrase-fd 0 --import anna.p12 </dev/null
sms --pinentry-mode loopback --passphrase-fd 0 --import bruno.p12 </dev/null
sms --import good.crt other.crt bruno.crt carla.crt
printf '%s S relax\n' "$(openssl x509 -in good.crt -noout -fingerprint -sha1 | cut -d= -f2)" >"$GNUPGHOME/trustlist.txt"
