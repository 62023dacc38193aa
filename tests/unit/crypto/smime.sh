#!/bin/sh
# smime.sh DIR: in DIR an authority, certificates of anna and bruno, and one of
# carla by an authority that nobody trusts; in DIR/../ring's place, $GNUPGHOME,
# what anna has.
set -e
cd "$1"
authority() { # NAME
  openssl req -x509 -newkey rsa:2048 -nodes -keyout "$1.key" -out "$1.crt" -subj "/O=Posta Sicura/CN=Autorita $1" -days 30 2>>openssl.log \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign
}
person() { # NAME "PRINTED NAME" AUTHORITY
  openssl req -newkey rsa:2048 -nodes -keyout "$1.key" -out "$1.csr" -subj "/CN=$2" 2>>openssl.log
  printf '%s\n' "keyUsage=critical,digitalSignature,keyEncipherment" "extendedKeyUsage=emailProtection" \
    "subjectAltName=email:$1@tuoisp.example" "basicConstraints=CA:FALSE" >"$1.ext"
  openssl x509 -req -in "$1.csr" -CA "$3.crt" -CAkey "$3.key" -CAcreateserial -days 30 -extfile "$1.ext" -out "$1.crt"
}
authority good
authority other
person anna "Anna Rossi" good
person bruno "Bruno Verdi" good
person carla "Carla Neri" other
sms() { gpgsm --batch --quiet --disable-dirmngr --no-tty "$@"; }
# About one PKCS#12 file in two hundred is misread by gpgsm 2.2, which takes
# what another reading of the passphrase decrypts to for the key: a new salt, then.
keep() { # NAME CERTIFICATE-ARGUMENT…
  name=$1
  shift
  for try in 1 2 3 4 5; do
    openssl pkcs12 -export -legacy -inkey "$name.key" -in "$name.crt" "$@" -out "$name.p12" -passout pass:
    ! sms --pinentry-mode loopback --passphrase-fd 0 --import "$name.p12" </dev/null || return 0
  done
  return 1
}
keep anna -certfile good.crt
keep bruno
sms --import good.crt other.crt bruno.crt carla.crt
printf '%s S relax\n' "$(openssl x509 -in good.crt -noout -fingerprint -sha1 | cut -d= -f2)" >"$GNUPGHOME/trustlist.txt"
