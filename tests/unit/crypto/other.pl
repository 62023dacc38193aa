#!/usr/bin/perl
# A plugin in one more language, written from postino-plugin(7) alone: PGP/MIME by
# the gpg program.  Perl cannot be passed descriptors, so letters come as a STREAM.
use strict;
use warnings;
use IPC::Open3;
use IO::Handle;
use IO::Select;
use Symbol 'gensym';

open(my $socket, '+<&=', 3) or die "no socket: $!";

sub field { my ($number, $value) = @_; return pack('v V/a*', $number, $value) }
sub number { return field($_[0], pack('Q<', $_[1])) }

sub send_frame {
  my ($type, $request, $fields) = @_;
  defined syswrite($socket, pack('a4 v v V V', 'PSTP', 1, $type, $request, length $fields) . $fields) or exit 0;
}

sub receive_frame {
  my $got = sysread($socket, my $packet, 65536);
  exit 0 unless $got;
  my ($type, $request, $length) = unpack('x6 v V V', $packet);
  my ($rest, @fields) = (substr($packet, 16, $length));
  while (length $rest) {
    my ($field, $value) = unpack('v V/a*', $rest);
    $rest = substr($rest, 6 + length $value);
    $type = -1 if ($field & 0x8000) && ($field & 0x7fff) > 49;
    push @fields, [$field & 0x7fff, $value];
  }
  return ($type, $request, \@fields);
}

sub all_of { my ($fields, $wanted) = @_; return map { $_->[1] } grep { $_->[0] == $wanted } @$fields }
sub first_of { return (all_of(@_))[0] }
sub number_of { my $value = first_of(@_); return defined $value ? unpack('Q<', $value) : 0 }

sub receive_letter {
  my $letter = '';
  while (1) {
    my ($type, undef, $fields) = receive_frame();
    exit 1 unless $type == 40;
    my $piece = first_of($fields, 49);
    return $letter unless length $piece;
    $letter .= $piece;
  }
}

sub send_letter {
  my ($request, $letter) = @_;
  send_frame(40, $request, field(49, $1)) while $letter =~ /\G(.{1,32768})/gs;
  send_frame(40, $request, field(49, ''));
}

# Output and status lines of gpg; the letter is written while both are read.
sub gpg {
  my ($input, @arguments) = @_;
  my $error = gensym;
  my $pid = open3(my $in, my $out, $error, 'gpg', '--batch', '--no-tty', '--disable-dirmngr', '--status-fd', '2',
                  @arguments);
  binmode $_ for $in, $out, $error;
  my ($done, %read) = (0, fileno($out) => '', fileno($error) => '');
  my ($reads, $writes) = (IO::Select->new($out, $error), IO::Select->new($in));
  $in->blocking(0);
  local $SIG{PIPE} = 'IGNORE';
  while ($reads->count) {
    my ($can_read, $can_write) = IO::Select->select($reads, $writes->count ? $writes : undef, undef);
    for (@{$can_write || []}) {
      my $wrote = $done < length $input ? syswrite($in, $input, 65536, $done) : undef;
      $done += $wrote // 0;
      if ($done >= length $input || !defined $wrote && !$!{EAGAIN}) { $writes->remove($in); close $in }
    }
    for my $from (@{$can_read || []}) {
      my $got = sysread($from, my $piece, 65536);
      if ($got) { $read{fileno $from} .= $piece } else { $reads->remove($from) }
    }
  }
  waitpid $pid, 0;
  return ($? >> 8, $read{fileno $out}, [map { /^\[GNUPG:\] (.*)/ ? $1 : () } split /\n/, $read{fileno $error}]);
}

# Live keys: [fingerprint, can encrypt, secret is here, user id, validity of it, address of it].
sub keys_of {
  my ($pattern, $own) = @_;
  my (undef, $output) = gpg('', '--with-colons', $own ? '--list-secret-keys' : ('--with-secret', '--list-keys'),
                            $pattern ne '' ? ('--', $pattern) : ());
  my (@found, $key);
  for my $line (split /\n/, $output) {
    my @record = split /:/, $line, -1;
    $key = ['', ($record[1] !~ /[reidn]/ && $record[11] =~ /E/) || 0, $record[0] eq 'sec' || ($record[14] // '') =~ /[+>]/ || 0]
      if $record[0] eq 'pub' || $record[0] eq 'sec';
    $key->[0] = $record[9] if $record[0] eq 'fpr' && $key->[0] eq '';
    if ($record[0] eq 'uid' && $record[1] !~ /[ren]/) {
      my $address = $record[9] =~ /<([^<>]*)>$/ ? $1 : $record[9];
      push @found, [@$key, $record[9], {m => 2, f => 3, u => 4}->{$record[1]} // 0, lc $address];
    }
  }
  return @found;
}

sub refuse { die {code => $_[0], why => $_[1]} }

sub hello {
  my (undef, $fields) = @_;
  refuse(9, 'this plugin speaks version 1 of the protocol; install a newer one')
    unless number_of($fields, 1) <= 1 && number_of($fields, 2) >= 1;
  return number(3, 1) . field(4, 'other') . field(5, '1') . number(6, 1 + 2 + 4 + 8 + 16) . number(48, 1);
}

sub recipients {
  my (undef, $fields) = @_;
  my $answer = '';
  for my $address (all_of($fields, 18)) {
    my ($best) = sort { $b->[4] <=> $a->[4] } grep { $_->[1] && $_->[5] eq lc $address } keys_of("<$address>");
    my $can = $best && $best->[4] >= 2;
    $answer .= field(18, $address) . number(22, $can ? 1 : 0) . number(23, $best && $best->[2] ? 1 : 0);
    $answer .= field(19, $best->[0]) . field(20, $best->[3]) . number(42, $can ? 0 : 1) if $best;
    $answer .= field(24, "there is no confirmed key of $address; import and sign it with gpg") unless $can;
  }
  return $answer;
}

sub crlf { my ($text) = @_; $text =~ s/\r?\n/\r\n/g; $text =~ s/(\r\n)+\z//; return $text }

sub seal {
  my ($request, $fields) = @_;
  my $entity = receive_letter();
  my $operations = number_of($fields, 16);
  my @sign = $operations & 1 ? ('--local-user', '<' . first_of($fields, 17) . '>') : ();
  my $boundary = '=_' . join '', map { ('a' .. 'z')[rand 26] } 1 .. 30;
  my $whole;
  if ($operations & 2) {
    my ($status, $armour) = gpg($entity, '--armor', '--trust-model', 'always', '--no-encrypt-to', '--encrypt',
                                @sign ? ('--sign', @sign) : (), map { ('--recipient', $_) } all_of($fields, 19));
    refuse(10, 'gpg failed; see gpg --list-keys') if $status;
    $whole = "Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=\"$boundary\"\r\n\r\n"
      . "--$boundary\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n"
      . "--$boundary\r\nContent-Type: application/octet-stream\r\n\r\n" . crlf($armour) . "\r\n--$boundary--\r\n";
  } else {
    my ($status, $armour, $lines) = gpg($entity, '--armor', '--digest-algo', 'SHA256', '--detach-sign', @sign);
    refuse(1, 'gpg has no key to sign with; see gpg --list-secret-keys') if $status;
    $whole = "Content-Type: multipart/signed; micalg=\"pgp-sha256\"; protocol=\"application/pgp-signature\"; "
      . "boundary=\"$boundary\"\r\n\r\n--$boundary\r\n$entity\r\n"
      . "--$boundary\r\nContent-Type: application/pgp-signature\r\n\r\n" . crlf($armour) . "\r\n--$boundary--\r\n";
  }
  refuse(11, 'the sealed letter is too large; attach less') if length $whole > number_of($fields, 27);
  send_letter($request, $whole);
  return '';
}

sub signatures {
  my ($lines) = @_;
  my $answer = '';
  for (@$lines) {
    if (/^VALIDSIG (\S+) \S+ (\d+)(?: \S+){6} (\S+)/) {
      $answer .= number(31, 0) . field(19, $3) . number(32, $2);
      $answer .= field(20, $_->[3]) . number(21, $_->[4]) for keys_of($3);
    }
    $answer .= number(31, 1) . field(19, $1) if /^BADSIG (\S+)/;
    $answer .= number(31, 2) . field(19, $1) if /^ERRSIG (\S+)/;
  }
  return $answer;
}

sub open_letter {
  my ($request, $fields) = @_;
  my $format = first_of($fields, 28);
  if ($format eq 'pgp-signed') {
    my ($text, $signature) = (receive_letter(), receive_letter());
    # gpg wants the signature in a file; it is no secret, but nothing is left behind.
    pipe(my $from, my $to) or refuse(10, 'no pipe; try again');
    syswrite($to, $signature) == length $signature or refuse(7, 'the signature is too long');
    close $to;
    fcntl($from, 2, 0);
    my (undef, undef, $lines) = gpg($text, '--enable-special-filenames', '--verify', '--', '-&' . fileno $from, '-');
    refuse(7, 'this is no signature') unless grep { /^(?:VALIDSIG|BADSIG|ERRSIG)/ } @$lines;
    return signatures($lines);
  }
  refuse(9, 'this plugin opens OpenPGP only') unless $format eq 'pgp-sealed';
  my ($status, $plain, $lines) = gpg(receive_letter(), '--decrypt');
  refuse(1, 'none of your keys opens this letter') if grep { /^NO_SECKEY/ } @$lines and !grep { /^DECRYPTION_OKAY/ } @$lines;
  refuse(7, 'it is damaged, or no OpenPGP data') unless grep { /^BEGIN_DECRYPTION/ } @$lines;
  refuse(8, 'it was changed on its way') unless grep { /^DECRYPTION_OKAY/ } @$lines and grep { /^GOODMDC/ } @$lines;
  refuse(11, 'it is too large when opened') if length $plain > number_of($fields, 27);
  send_letter($request, $plain);
  return number(29, 1) . number(30, 1) . signatures($lines);
}

sub list_keys {
  my (undef, $fields) = @_;
  refuse(9, 'this plugin only lists your own keys') unless first_of($fields, 39) eq 'own';
  return join '', map { field(19, $_->[0]) . field(20, $_->[3]) . number(21, $_->[4]) . number(43, 1) } keys_of('', 1);
}

my %operations = (1 => \&hello, 2 => \&recipients, 3 => \&seal, 4 => \&open_letter, 5 => \&list_keys);
while (1) {
  my ($type, $request, $fields) = receive_frame();
  next if $type == 40; # of a request that was refused
  my $answer = eval { ($operations{$type} || sub { refuse(9, 'this plugin cannot do that') })->($request, $fields) };
  if (defined $answer) {
    send_frame($type + 128, $request, $answer);
  } else {
    my $why = ref $@ ? $@ : {code => 10, why => 'the plugin failed; see its author'};
    send_frame(255, $request, number(33, $why->{code}) . field(24, $why->{why}));
  }
}
