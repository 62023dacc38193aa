EXTRA_DIST += tests/lsan.supp
EXTRA_DIST += tests/isp/isp tests/isp/lmtp.py tests/isp/seed.py tests/isp/demo tests/isp/hostile.py tests/isp/proxy.py \
	tests/isp/battery.py tests/isp/letters.py tests/isp/battery_pop3.py tests/isp/battery_smtp.py \
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
stories =
stories += tests/behaviour/attacks/run
stories += tests/behaviour/bcc-sealed/run
stories += tests/behaviour/canary/run
stories += tests/behaviour/cli-read/run
stories += tests/behaviour/cli-send/run
stories += tests/behaviour/durable-order/run
stories += tests/behaviour/fetch-watch/run
stories += tests/behaviour/first-exchange/run
stories += tests/behaviour/first-key/run
stories += tests/behaviour/git-send-email/run
stories += tests/behaviour/gossip/run
stories += tests/behaviour/hold/run
stories += tests/behaviour/hostile-first/run
stories += tests/behaviour/hostile-letters/run
stories += tests/behaviour/hostile-pop3/run
stories += tests/behaviour/hostile-smtp/run
stories += tests/behaviour/isp-up/run
stories += tests/behaviour/kill-fetch/run
stories += tests/behaviour/kill-send/run
stories += tests/behaviour/leave-and-delete/run
stories += tests/behaviour/plugin/run
stories += tests/behaviour/progress/run
stories += tests/behaviour/rc-faults/run
stories += tests/behaviour/reports/run
stories += tests/behaviour/screen-busy/run
stories += tests/behaviour/screen-first/run
stories += tests/behaviour/screen-long/run
stories += tests/behaviour/screen-read/run
stories += tests/behaviour/screen-resize/run
stories += tests/behaviour/screen-scroll/run
stories += tests/behaviour/screen-search/run
stories += tests/behaviour/screen-send/run
stories += tests/behaviour/screen-threads/run
stories += tests/behaviour/sealed-life/run
stories += tests/behaviour/sealed-search/run
stories += tests/behaviour/sendmail/run
stories += tests/behaviour/two-writers/run
stories += tests/behaviour/too-large/run
stories += tests/behaviour/switch-over/run
stories += tests/behaviour/proxy/run
stories += tests/behaviour/screen-server/run
stories += tests/behaviour/no-memory/run
stories += tests/behaviour/notify/run
stories += tests/behaviour/leave-modes/run
stories += tests/behaviour/screen-later/run
stories += tests/behaviour/key-manager/run
stories += tests/behaviour/client-cert/run
stories += tests/behaviour/sendmail-command/run
stories += tests/behaviour/sendmail-session/run
stories += tests/behaviour/receipts/run
stories += tests/behaviour/pinentry/run
stories += tests/behaviour/find-keys/run
stories += tests/behaviour/autocrypt/run
stories += tests/behaviour/interop/run
stories += tests/behaviour/imap-beside/run
stories += tests/behaviour/kill-index/run
stories += tests/behaviour/import-stopped/run
stories += tests/behaviour/no-watches/run
stories += tests/behaviour/editor/run
stories += tests/behaviour/far-mail/run
stories += tests/behaviour/screen-bulk/run
stories += tests/behaviour/broken-store/run
stories += tests/behaviour/mbsync-beside/run
check_SCRIPTS += $(stories)
EXTRA_DIST += $(stories)
EXTRA_DIST += tests/behaviour/durable-order/audit.py
EXTRA_DIST += tests/behaviour/imap-beside/imap.py
EXTRA_DIST += tests/behaviour/kill-fetch/letters.py
EXTRA_DIST += tests/behaviour/kill-send/account.py
EXTRA_DIST += tests/behaviour/kill-send/kill.py
EXTRA_DIST += tests/behaviour/lib.sh
EXTRA_DIST += tests/behaviour/reports/alias.eml
EXTRA_DIST += tests/behaviour/reports/exchange.eml
EXTRA_DIST += tests/behaviour/reports/exim.eml
EXTRA_DIST += tests/behaviour/reports/gmail.eml
EXTRA_DIST += tests/behaviour/reports/postfix-delayed.eml
EXTRA_DIST += tests/behaviour/reports/postfix-delivered.eml
EXTRA_DIST += tests/behaviour/reports/qmail.eml
EXTRA_DIST += tests/behaviour/reports/sendmail.eml
EXTRA_DIST += tests/behaviour/reports/stranger.eml
EXTRA_DIST += tests/behaviour/reports/yahoo.eml
EXTRA_DIST += tests/fuzz/seeds/capa tests/fuzz/seeds/ehlo tests/fuzz/seeds/fetchids tests/fuzz/seeds/gossip.entity tests/fuzz/seeds/list tests/fuzz/seeds/oldmail \
	tests/fuzz/seeds/plugin.rights tests/fuzz/seeds/popstate.dat tests/fuzz/seeds/progress.frame tests/fuzz/seeds/query.fields tests/fuzz/seeds/query.words tests/fuzz/seeds/socks tests/fuzz/seeds/uidl tests/fuzz/seeds/uidls
