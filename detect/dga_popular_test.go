package detect

// popular are domains that many ask for, put together for the test: search, shops,
// news, clouds, advertising, firms, universities, of many countries.
const popular = `google.com youtube.com facebook.com instagram.com whatsapp.com wikipedia.org x.com twitter.com reddit.com amazon.com yahoo.com tiktok.com netflix.com linkedin.com
office.com live.com microsoft.com microsoftonline.com bing.com msn.com outlook.com windowsupdate.com azureedge.net skype.com xbox.com github.com githubusercontent.com gitlab.com bitbucket.org
apple.com icloud.com mzstatic.com aaplimg.com googleapis.com gstatic.com googleusercontent.com doubleclick.net googlesyndication.com google-analytics.com googletagmanager.com gvt1.com ggpht.com ytimg.com
fbcdn.net cdninstagram.com twimg.com t.co pinterest.com pinimg.com tumblr.com flickr.com imgur.com giphy.com discord.com discordapp.com slack.com zoom.us webex.com teams.com dropbox.com box.com
akamai.net akamaiedge.net akamaihd.net edgekey.net edgesuite.net cloudflare.com cloudfront.net fastly.net llnwd.net cdn77.org jsdelivr.net unpkg.com bootstrapcdn.com jquery.com
amazonaws.com awsstatic.com media-amazon.com ssl-images-amazon.com amazonvideo.com primevideo.com twitch.tv ttvnw.net imdb.com audible.com goodreads.com zappos.com wholefoodsmarket.com
ebay.com ebaystatic.com etsy.com walmart.com target.com bestbuy.com homedepot.com lowes.com costco.com ikea.com aliexpress.com alibaba.com alicdn.com taobao.com tmall.com jd.com rakuten.co.jp mercadolibre.com.ar
shopify.com shopifycdn.com bigcommerce.com squarespace.com wix.com wixsite.com weebly.com wordpress.com wordpress.org wp.com gravatar.com blogger.com blogspot.com medium.com substack.com ghost.org
cnn.com bbc.co.uk bbc.com nytimes.com washingtonpost.com theguardian.com reuters.com apnews.com bloomberg.com wsj.com ft.com economist.com forbes.com businessinsider.com cnbc.com foxnews.com nbcnews.com abcnews.go.com usatoday.com latimes.com
spiegel.de zeit.de faz.net bild.de welt.de sueddeutsche.de tagesschau.de heise.de golem.de lemonde.fr lefigaro.fr liberation.fr elpais.com elmundo.es marca.com repubblica.it corriere.it gazzetta.it ansa.it
nrc.nl nos.nl telegraaf.nl hln.be standaard.be nzz.ch tagesanzeiger.ch derstandard.at orf.at aftonbladet.se expressen.se dn.se vg.no dagbladet.no yle.fi hs.fi iltalehti.fi politiken.dk dr.dk
onet.pl wp.pl allegro.pl gazeta.pl seznam.cz idnes.cz index.hu hvg.hu digi24.ro emag.ro yandex.ru mail.ru vk.com ok.ru rambler.ru lenta.ru rbc.ru ozon.ru avito.ru wildberries.ru
baidu.com qq.com weibo.com sina.com.cn sohu.com 163.com bilibili.com zhihu.com douyin.com csdn.net xiaomi.com huawei.com naver.com daum.net kakao.com coupang.com yahoo.co.jp nicovideo.jp livedoor.jp ameblo.jp
globo.com uol.com.br terra.com.br magazineluiza.com.br clarin.com infobae.com eltiempo.com emol.com timesofindia.com ndtv.com flipkart.com hotstar.com jio.com news24.com iol.co.za
stackoverflow.com stackexchange.com superuser.com serverfault.com askubuntu.com npmjs.org npmjs.com pypi.org pythonhosted.org rubygems.org crates.io rust-lang.org golang.org go.dev python.org nodejs.org
debian.org ubuntu.com canonical.com snapcraft.io launchpad.net fedoraproject.org centos.org redhat.com archlinux.org kernel.org gnu.org mozilla.org mozilla.net firefox.com opera.com brave.com
docker.com docker.io quay.io gcr.io k8s.io kubernetes.io helm.sh hashicorp.com terraform.io ansible.com jenkins.io circleci.com travis-ci.com sonarsource.com jfrog.io nexusmods.com
datadoghq.com newrelic.com sentry.io splunk.com elastic.co grafana.com pagerduty.com opsgenie.com statuspage.io atlassian.com atlassian.net jira.com trello.com notion.so asana.com monday.com airtable.com
salesforce.com force.com hubspot.com marketo.com mailchimp.com sendgrid.net mailgun.org twilio.com stripe.com paypal.com paypalobjects.com braintreegateway.com adyen.com squareup.com klarna.com
okta.com auth0.com onelogin.com duosecurity.com crowdstrike.com sophos.com mcafee.com symantec.com kaspersky.com avast.com eset.com bitdefender.com malwarebytes.com virustotal.com
letsencrypt.org digicert.com globalsign.com sectigo.com verisign.com entrust.net identrust.com ocsp.org godaddy.com namecheap.com gandi.net ovh.net hetzner.com digitalocean.com linode.com vultr.com
adobe.com typekit.net adobedtm.com omtrdc.net demdex.net everesttech.net criteo.com criteo.net taboola.com outbrain.com adnxs.com rubiconproject.com pubmatic.com openx.net casalemedia.com
scorecardresearch.com quantserve.com hotjar.com mixpanel.com segment.io amplitude.com branch.io appsflyer.com adjust.com kochava.com chartbeat.net optimizely.com crazyegg.com fullstory.com
nasa.gov noaa.gov nih.gov cdc.gov irs.gov usps.com ups.com fedex.com dhl.com gov.uk europa.eu un.org who.int worldbank.org imf.org ietf.org w3.org iana.org icann.org
mit.edu stanford.edu harvard.edu berkeley.edu cmu.edu princeton.edu columbia.edu ox.ac.uk cam.ac.uk ethz.ch epfl.ch tum.de kth.se u-tokyo.ac.jp nus.edu.sg unimelb.edu.au utoronto.ca
arxiv.org nature.com sciencedirect.com springer.com wiley.com ieee.org acm.org jstor.org researchgate.net academia.edu plos.org coursera.org edx.org udemy.com khanacademy.org duolingo.com
booking.com expedia.com airbnb.com tripadvisor.com kayak.com skyscanner.net hotels.com agoda.com uber.com lyft.com doordash.com grubhub.com deliveroo.co.uk justeat.com opentable.com yelp.com
espn.com nfl.com nba.com mlb.com nhl.com fifa.com uefa.com skysports.com eurosport.com formula1.com strava.com garmin.com fitbit.com nike.com adidas.com puma.com decathlon.fr
spotify.com scdn.co soundcloud.com pandora.com deezer.com last.fm bandcamp.com vimeo.com dailymotion.com hulu.com disneyplus.com hbomax.com paramountplus.com crunchyroll.com roku.com plex.tv
steampowered.com steamcommunity.com steamstatic.com epicgames.com ea.com blizzard.com riotgames.com ubisoft.com rockstargames.com playstation.com playstation.net nintendo.com roblox.com minecraft.net unity3d.com
samsung.com lg.com sony.com panasonic.com philips.com bosch.com siemens.com ge.com honeywell.com intel.com amd.com nvidia.com qualcomm.com arm.com broadcom.com cisco.com juniper.net vmware.com oracle.com sap.com ibm.com dell.com hp.com lenovo.com asus.com acer.com
toyota.com honda.com ford.com gm.com bmw.com mercedes-benz.com volkswagen.de audi.com tesla.com volvocars.com renault.fr peugeot.com hyundai.com shell.com bp.com exxonmobil.com totalenergies.com
chase.com bankofamerica.com wellsfargo.com citi.com capitalone.com americanexpress.com visa.com mastercard.com hsbc.com barclays.co.uk santander.com bbva.com ing.com ubs.com deutsche-bank.de bnpparibas.com
4chan.org 9gag.com 123rf.com 1and1.com 2ch.net 360.cn 37signals.com 500px.com 51cto.com 58.com a8.net about.me adf.ly aol.com archive.org ask.com att.com bit.ly bt.com buzzfeed.com change.org comcast.net
w3schools.com mathworks.com wolfram.com latex-project.org overleaf.com zotero.org mendeley.com orcid.org doi.org crossref.org openstreetmap.org mapbox.com here.com tomtom.com waze.com weather.com accuweather.com`
