EXTRA_DIST += tests/lsan.supp
EXTRA_DIST += tests/isp/isp tests/isp/lmtp.py tests/isp/seed.py tests/isp/demo tests/isp/hostile.py tests/isp/proxy.py \
	tests/isp/etc/dovecot.conf.in tests/isp/etc/main.cf.in tests/isp/etc/master.cf.in \
	tests/isp/mail/01-benvenuto.anna.eml \
	tests/isp/mail/02-pranzo.anna.eml \
	tests/isp/mail/03-pranzo-risposta.anna.eml \
	tests/isp/mail/04-lista-1.anna.eml \
	tests/isp/mail/05-lista-2.anna.eml \
	tests/isp/mail/06-lista-3.anna.eml \
	tests/isp/mail/07-lista-4.anna.eml \
	tests/isp/mail/08-biglietto.anna.eml \
	tests/isp/mail/09-solo-html.anna.eml \
	tests/isp/mail/10-allegati.anna.eml \
	tests/isp/mail/11-nomi-strani.anna.eml \
	tests/isp/mail/12-iso-2022-jp.anna.eml \
	tests/isp/mail/13-firmata.anna.eml \
	tests/isp/mail/14-sigillata.anna.eml \
	tests/isp/mail/15-non-consegnata.anna.eml \
	tests/isp/mail/16-notiziario.anna.eml \
	tests/isp/mail/17-invito.anna.eml \
	tests/isp/mail/18-inoltrata.anna.eml \
	tests/isp/mail/19-scritture.anna.eml \
	tests/isp/mail/20-inglese.anna.eml \
	tests/isp/mail/21-lista.bruno.eml \
	tests/isp/mail/22-anna-scrive.bruno.eml

# Stories: each needs the real servers, the real program and nothing else.
stories = tests/behaviour/isp-up/run tests/behaviour/rc-faults/run \
	tests/behaviour/cli-read/run tests/behaviour/cli-send/run \
	tests/behaviour/leave-and-delete/run tests/behaviour/hostile-first/run \
	tests/behaviour/git-send-email/run tests/behaviour/kill-fetch/run \
	tests/behaviour/durable-order/run tests/behaviour/fetch-watch/run
check_SCRIPTS += $(stories)
EXTRA_DIST += $(stories) tests/behaviour/lib.sh tests/behaviour/kill-fetch/letters.py \
	tests/behaviour/durable-order/audit.py
