"""Words of several languages and kinds, to make tables of."""

JAPANESE = {
    "family names": "佐藤 鈴木 高橋 田中 渡辺 伊藤 山本 中村 小林 加藤 吉田 山田 佐々木 松本 井上 木村 林 斎藤 清水 阿部 森 池田 橋本 石川",
    "rare forms of names": "髙橋 山﨑 髙田 渡邉 渡邊 齋藤 齊藤 濵田 德永 瀨戸 廣瀬 櫻井 國分 澤田 德川 栁田 𠮷田".replace(" 𠮷田", ""),
    "addresses": "東京都千代田区丸の内1-1 大阪府大阪市北区梅田2-5-10 北海道札幌市中央区 京都府京都市左京区 福岡県福岡市博多区 沖縄県那覇市 愛知県名古屋市 長崎県諫早市 滋賀県草津市 埼玉県さいたま市",
    "prefectures": "北海道 青森県 岩手県 宮城県 秋田県 山形県 福島県 茨城県 栃木県 群馬県 埼玉県 千葉県 東京都 神奈川県 新潟県 富山県 石川県 福井県",
    "answers": "はい いいえ わからない",
    "states": "有 無 済 未 男 女",
    "words in katakana": "コンビニ スーパー ドラッグストア ネット テレビ ラジオ ソフト ノート ポイント キャンペーン",
    "words in hiragana": "さくら つばめ ひかり のぞみ みずほ はやぶさ こだま",
    "names in half-width kana": "ｻﾄｳ ｽｽﾞｷ ﾀｶﾊｼ ﾀﾅｶ ﾜﾀﾅﾍﾞ ｲﾄｳ ﾔﾏﾓﾄ ﾅｶﾑﾗ ｺﾊﾞﾔｼ ｶﾄｳ ﾖｼﾀﾞ ﾔﾏﾀﾞ ｻｻｷ ﾏﾂﾓﾄ ｲﾉｳｴ ｷﾑﾗ ﾊﾔｼ ｼﾐｽﾞ",
    "names of a bank": "ｶ)ﾄｳｷﾖｳｼﾖｳｼﾞ ﾕ)ﾔﾏﾀﾞｺｳﾑﾃﾝ ﾀﾅｶ ｲﾁﾛｳ ﾖｼﾀﾞ ﾊﾅｺ ﾌｸｵｶｼﾕｳｾﾝ ﾆﾂﾎﾟﾝｼﾞﾕｳｷ",
    "loanwords in half-width kana": "ﾃﾞｰﾀ ｻｰﾊﾞｰ ﾌﾟﾘﾝﾀ ﾊﾟｿｺﾝ ｷｬﾝﾍﾟｰﾝ ﾎﾟｲﾝﾄ ﾁｬﾈﾙ ｼｮｯﾌﾟ ﾕｰｻﾞｰ ﾃﾚﾋﾞ",
    "single half-width kana": "ｱ ｲ ｳ ｴ ｵ ｶ ｷ ｸ ｹ ｺ ﾊ ﾋ ﾌ ﾍ ﾎ",
    "codes with kana": "ｱ-01 ｲ-02 ｳ-03 Aｶ12 Bｷ7 Cｸ99 ﾈ380 ﾃ55",
    "half-width hyphens": "1ｰ2ｰ3 4ｰ15 100ｰ8 ｰｰｰ 03ｰ1234ｰ5678",
    "amounts": "1本 2個 3円 40人 5枚 6台 7% 8㎡ 9℃ 10㎏",
    "with letters": "Tシャツ LED電球 Webサイト Aランク B型 O型 AB型 iPhone用 pH値 kg単位 NTT東日本 X線 10km以上 USBメモリ",
    "signs of vendors": "① ② ③ ㈱山田 ㈲田中 № Ⅰ Ⅱ Ⅲ ㍻ ℡",
    "full-width letters": "Ａ Ｂ Ｃ ＡＢＣ １２３ Ｎｏ．１",
    "symbols": "○ × △ ◎ ● ※ → ～",
    "the backslash as a second byte": "表 能 ソ 予 十 申 貼 暴 構 噂 圭 欺 禄",
    "sentences": "お世話になっております。 ありがとうございました！ ご確認ください（至急） 雨が降ったので、中止です。 「はい」と答えた",
    "characters of the user": "\ue000田 \ue001 渡\ue002 \ue0bc\ue0bd \ue3ac本",
    "rare kanji": "鬱 蠍 齟齬 躊躇 麒麟 鵺 瀟洒 薔薇 檸檬 轟 驫 龕 彌生 壺 餡蜜",
}  # fmt: skip
"""Kinds of values in Japanese tables; values are separated by spaces."""

FOREIGN = {
    "French": (
        "Gérard Amélie Hélène Prévu Privés Très Français Année Marché Montréal Genève Numéro Déjà Réservé Société",
        ("cp1252", "latin-1", "mac_roman", "cp850")),
    "German": (
        "Müller Jäger Schröder Größe Straße Köln München Grün Lübeck Österreich Übung Börse Käufer Händler Äpfel",
        ("cp1252", "mac_roman", "cp850")),
    "Spanish": (
        "España Muñoz José García López Málaga León Niño Año Córdoba Teléfono Móvil Díaz Peña Ramírez",
        ("cp1252", "mac_roman", "cp850")),
    "Portuguese": (
        "São João Conceição Informação Não Região Coração Avô Três Português Estação Preço Março Código",
        ("cp1252", "mac_roman")),
    "Swedish": (
        "Malmö Göteborg Västerås Örebro Björn Åsa Märta Förening Språk Höst Vår Lägenhet",
        ("cp1252", "mac_roman")),
    "Danish": (
        "København Ærø Søren Jørgen Århus Kærlighed Sønderjylland Bjørn Fænø Mål Grøn",
        ("cp1252",)),
    "Icelandic": ("Reykjavík Þór Guðrún Sigurður Ísland Ár Mánuður Nafnið Höfn Kópavogur", ("cp1252",)),
    "Polish": (
        "Łódź Kraków Gdańsk Wrocław Święto Żółty Książka Poznań Źródło Miesiąc Dzień Łukasz Zażółć",
        ("cp1250", "iso8859_2", "cp852")),
    "Czech": (
        "Praha Plzeň Dvořák Novák Příjmení Město Žižkov Třída Růžena Děčín Šťastný Číslo",
        ("cp1250", "iso8859_2")),
    "Hungarian": ("Szőke Győr Pécs Erdős Kovács Béla Sándor Tűzoltó Könyv Árpád Város", ("cp1250",)),
    "Turkish": ("İstanbul Şişli Beşiktaş Çağlar Müdür Öğrenci Yıldız Işık Ağaç Üsküdar", ("cp1254",)),
    "Russian": (
        "Москва Иванов Казань Новосибирск Петров да нет Город Клиент Товар Продажа Сумма Январь",
        ("cp1251", "koi8_r", "cp866", "iso8859_5", "mac_cyrillic")),
    "Greek": (
        "Αθήνα Πάτρα Γιώργος Μαρία Πελάτης Ναι Όχι Πόλη Ποσό Ημερομηνία Θεσσαλονίκη",
        ("cp1253", "iso8859_7")),
    "Korean": ("서울 부산 대구 인천 고객 여자 남자 김철수 이영희 지역 상품 금액 경기도", ("euc_kr", "cp949")),
    "simplified Chinese": ("北京 上海 广州 深圳 客户 女 男 张伟 地区 产品 金额 合同 城市 销售", ("gb2312", "gbk")),
    "traditional Chinese": ("臺北 高雄 臺中 客戶 女生 男生 陳志明 地區 產品 金額 有限公司 縣市", ("big5",)),
    "Japanese": (
        "男性 女性 東京都 大阪府 顧客 解約 継続 佐藤 鈴木 コンビニ 有効 はい いいえ 契約",
        ("euc_jp",)),
}  # fmt: skip
"""Words in languages whose tables come in encodings that the service does not read."""
UNITS = (
    "Temp (°C)",
    "Area (m²)",
    "PM2.5 (µg/m³)",
    "Price £",
    "Prix €",
    "Größe (m²)",
    "Température",
    "Naïve",
    "Señor",
)
